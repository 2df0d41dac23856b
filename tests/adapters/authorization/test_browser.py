"""Whether there is a browser here, and how it is opened."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.authorization.browser import sees_a_browser

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("environ", "platform", "sees"),
    [
        ({}, "darwin", True),
        ({}, "win32", True),
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "w3m"}, "linux", True),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", False),
        ({"DISPLAY": ""}, "linux", False),
    ],
)
def test_over_ssh_and_without_a_display_nobody_sees_a_browser(
    environ: Mapping[str, str], platform: str, sees: bool
) -> None:
    assert sees_a_browser(environ, platform) is sees


OPENING = """
import sys, threading
from adapters.authorization.browser import open_browser
open_browser(sys.argv[1])
for thread in threading.enumerate():
    if thread.name == "oca-browser":
        thread.join(20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="BROWSER is a custom of other systems")
@pytest.mark.parametrize("exists", [True, False])
def test_the_persons_own_browser_is_opened_and_one_that_fails_is_no_news(tmp_path: Path, exists: bool) -> None:
    opened, script = tmp_path / "opened", tmp_path / "browser"
    if exists:
        script.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
        script.chmod(0o700)
    result = subprocess.run(
        [sys.executable, "-c", OPENING, "https://as.example/auth?a=1&b=2"],
        env={"BROWSER": str(script), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("", "")
    assert not exists or opened.read_text() == "https://as.example/auth?a=1&b=2\n"

"""Standard streams that are closed, full or read by nobody: every command says so, or works without them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.entrypoints.test_cli import CLEAN, OCA

ENV = "OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\nOAUTH_REFRESH_TOKEN=planted\n"
COMMANDS = ["--help", "status", "status --json", "logout", "config get", "config path"]


def run(command: str, redirected: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    (cwd / ".env").write_text(ENV, encoding="utf-8")
    script = f'"$@" {redirected}'
    return subprocess.run(
        ["sh", "-c", script, "sh", *OCA, *command.split()],
        cwd=cwd,
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("redirected", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stream_that_is_closed_keeps_no_command_from_its_work(command: str, redirected: str, tmp_path: Path) -> None:
    done = run(command, redirected, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_login_that_reads_a_closed_stream_is_told_that_there_is_nothing(tmp_path: Path) -> None:
    done = run("login --with-token", "<&-", tmp_path)
    assert done.returncode == 2
    assert "no refresh token" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="a device of Linux")
@pytest.mark.parametrize("command", ["--help", "status", "config get"])
def test_a_full_disk_behind_the_output_is_one_line(command: str, tmp_path: Path) -> None:
    done = run(command, ">/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "could not be written: No space left on device" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_gone_is_no_traceback(command: str, tmp_path: Path) -> None:
    done = run(command, "| true", tmp_path)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr

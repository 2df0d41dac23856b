"""A real Chromium, and a Streamlit script served on loopback for it to open.

For tests marked `browser`:

    with streamlit_server(script) as url, browser() as chromium:
        page = chromium.new_page()
        page.goto(url)
"""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fakes.redis_server import free_port

_ROOT = Path(__file__).parents[2]
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# It talks to nobody but the page under test.
_CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_STREAMLIT_OPTIONS = (
    "--server.headless=true",
    "--server.address=127.0.0.1",
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
)
# More than a start takes on a busy machine.
_PATIENCE_S = 40.0
_ENDS_WITHIN_S = 10.0


def need_chromium() -> str:
    """The path of the program; skips the test where there is none, unless the variable CI is set.

    The variable CHROMIUM names another one than the first on the PATH.
    """
    program = os.environ.get("CHROMIUM") or next((path for name in _NAMES if (path := shutil.which(name))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium: apt-get install chromium")
        pytest.skip("no Chromium here: apt-get install chromium, or name it in the variable CHROMIUM")
    return program


@contextmanager
def browser(*args: str) -> Generator[Browser]:
    """A Chromium without a profile, closed at the end.

    This is Playwright's blocking side: not for coroutines, and one at a time in a thread. `args` are further words for
    its command line.
    """
    program = need_chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*_CHROMIUM_ARGS, *args])
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def streamlit_server(
    script: Path, *, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()
) -> Generator[str]:
    """The address of `script`, run by `streamlit run` in a process of its own, which ends with the context.

    The process has this one's environment with `env` on top, and can import the repository. `options` are further
    words for the command line, such as `--theme.base=dark`.
    """
    with tempfile.TemporaryFile() as log:
        process, url = _started(script, env or {}, options, log)
        try:
            yield url
        finally:
            _end(process)


def _started(
    script: Path, env: Mapping[str, str], options: tuple[str, ...], log: IO[bytes], *, chances: int = 3
) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *_STREAMLIT_OPTIONS, f"--server.port={port}", *options],
        env={**os.environ, "PYTHONPATH": str(_ROOT), **env},
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_until_it_answers(process, port)
    except RuntimeError as error:
        _end(process)
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
        # Another program may have taken the free port before the server did.
        if chances > 1 and "already in use" in said:
            return _started(script, env, options, log, chances=chances - 1)
        raise RuntimeError(f"{error}\n{said}") from error
    except BaseException:
        _end(process)
        raise
    return process, f"http://127.0.0.1:{port}"


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    waiting = threading.Event()
    for _ in range(int(_PATIENCE_S / 0.05)):
        if process.poll() is not None:
            raise RuntimeError(f"streamlit ended with {process.returncode}")
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)) as connection:
            try:
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except OSError:
                pass
        waiting.wait(0.05)
    raise RuntimeError("streamlit does not answer")


def _end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl+C would, so that what it measured of itself is written; killed when it does not obey."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

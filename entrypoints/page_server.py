"""The chat page, served by Streamlit: in this process's place (`oca ui`), or beside a server (`oca demo`)."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Never

from config.environment import environment_for_page, environment_for_sandbox_page
from domain.errors import ConfigurationError
from domain.words import Text
from entrypoints.console import Console
from entrypoints.port_holder import port_taken

SCRIPT = Path(__file__).with_name("ui.py")
_PACKAGE = "streamlit"
_GRACE_S = 5.0
_MISSING = Text(
    "The chat page needs Streamlit, which is not installed. Install it with: "
    "bash deploy/uv.sh sync --inexact --extra ui",
    "聊天页面需要 Streamlit，但尚未安装。安装命令：bash deploy/uv.sh sync --inexact --extra ui",
)


def become(command: list[str], environment: dict[str, str]) -> Never:
    """Let another program go on in this one's place."""
    if sys.platform == "win32":  # pragma: no cover - tested where there is an exec
        # There is no exec there that waits.
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own words
    os.execve(command[0], command, environment)  # noqa: S606 - our own words


def serve_page(
    console: Console,
    *,
    port: int,
    env_file: Path | None,
    package: str = _PACKAGE,
    go_on_as: Callable[[list[str], dict[str, str]], None] = become,
) -> None:
    """Serve the page on 127.0.0.1 until it is stopped. How Streamlit serves it stands in `.streamlit/config.toml`.

    Raises ConfigurationError when Streamlit (`package`) is not installed, ListenError when the port is taken.
    """
    if find_spec(package) is None:
        raise ConfigurationError(_MISSING)
    _check_free(port, Text("with --port", "用 --port "))
    console.say(
        Text(
            f"The chat page is at {_address(port)}. Stop it with Ctrl-C.",
            f"聊天页面位于 {_address(port)}。按 Ctrl-C 停止。",
        )
    )
    go_on_as(_command(port, package), environment_for_page(env_file))


@contextmanager
def page_beside(
    env_file: Path, console: Console, *, port: int, package: str = _PACKAGE
) -> Generator[str | None, None, None]:
    """Serve the page for a sandbox's `.env` as long as the context lasts, and yield its address.

    Where Streamlit is not installed, that is said, and there is none. Raises ListenError when the port is taken.
    """
    if find_spec(package) is None:
        console.say(_MISSING)
        yield None
        return
    _check_free(port, Text("with --page-port", "用 --page-port "))
    process = subprocess.Popen(  # noqa: S603 - our own words
        _command(port, package),
        env=environment_for_sandbox_page(env_file),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    stopping = threading.Event()
    threading.Thread(target=_watch, args=(process, stopping, console), daemon=True).start()
    try:
        yield _address(port)
    finally:
        stopping.set()
        _stop(process)


def _watch(process: "subprocess.Popen[bytes]", stopping: threading.Event, console: Console) -> None:
    code = process.wait()
    if not stopping.is_set():
        console.say(
            Text(
                f"The chat page has ended by itself (exit code {code}); the API goes on.",
                f"聊天页面已自行退出（退出码 {code}）；API 仍在运行。",
            )
        )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(port: int, package: str) -> list[str]:
    return [sys.executable, "-m", package, "run", str(SCRIPT), "--server.port", str(port)]


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _check_free(port: int, choose: Text) -> None:
    """Said at once, in our words, and not by Streamlit some seconds later."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise port_taken("127.0.0.1", port, choose) from error

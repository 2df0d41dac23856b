"""`oca ui`: the chat page, served by Streamlit in this process's place."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Never

from config.environment import environment_for_page
from domain.errors import ConfigurationError

SCRIPT = Path(__file__).with_name("ui.py")
_PACKAGE = "streamlit"


def become(command: list[str], environment: dict[str, str]) -> Never:
    """Let another program go on in this one's place."""
    if sys.platform == "win32":  # pragma: no cover - tested where there is an exec
        # There is no exec there that waits.
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own words
    os.execve(command[0], command, environment)  # noqa: S606 - our own words


def serve_page(
    *,
    port: int,
    env_file: Path | None,
    package: str = _PACKAGE,
    go_on_as: Callable[[list[str], dict[str, str]], None] = become,
) -> None:
    """Serve the page on 127.0.0.1 until it is stopped. How Streamlit serves it stands in `.streamlit/config.toml`.

    Raises ConfigurationError when Streamlit (`package`) is not installed.
    """
    if find_spec(package) is None:
        raise ConfigurationError(
            "The chat page needs Streamlit, which is not installed. Install it with: "
            "bash deploy/uv.sh sync --inexact --extra ui"
        )
    print(f"The chat page is at http://127.0.0.1:{port}. Stop it with Ctrl-C.", file=sys.stderr)  # noqa: T201
    command = [sys.executable, "-m", package, "run", str(SCRIPT), "--server.port", str(port)]
    go_on_as(command, environment_for_page(env_file))

"""`oca ui`: the chat page, served by Streamlit in this process's place."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Never

from config.settings import environment_for_page
from domain.errors import ConfigurationError

SCRIPT = Path(__file__).with_name("ui.py")


def serve_page(*, port: int, env_file: Path | None) -> Never:
    """Serve the page on 127.0.0.1 until it is stopped. How Streamlit serves it stands in `.streamlit/config.toml`.

    Raises ConfigurationError when Streamlit is not installed.
    """
    if find_spec("streamlit") is None:
        raise ConfigurationError(
            "The chat page needs Streamlit, which is not installed. Install it with: "
            "bash deploy/uv.sh sync --inexact --extra ui"
        )
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.port", str(port)]
    environment = environment_for_page(env_file)
    print(f"The chat page is at http://127.0.0.1:{port}. Stop it with Ctrl-C.", file=sys.stderr)  # noqa: T201
    if sys.platform == "win32":
        # There is no exec there that waits.
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own words
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own words

"""The browser of the person at this machine, if it has one."""

import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress


def sees_a_browser(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether who works here sees this machine's screen: not over SSH, and not without a display.

    BROWSER is what a person sets who has a way of their own to open addresses.
    """
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    if platform.startswith(("win", "darwin")):
        return True
    return any(environ.get(key) for key in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def open_browser(address: str) -> None:
    """Have the browser open an address; does not wait for it, and is silent where there is none."""

    def work() -> None:
        with suppress(webbrowser.Error, OSError):
            webbrowser.open(address)

    # Some browsers come back only once they are closed.
    threading.Thread(target=work, name="oca-browser", daemon=True).start()

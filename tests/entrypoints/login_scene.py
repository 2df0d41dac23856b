"""A person at `oca login`: a scripted browser, the sandbox's authorization server, and a `.env` without a login."""

import io
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from dotenv import dotenv_values

from adapters.clock.system import SystemClock
from adapters.sandbox.authorization_controls import AuthorizationControls
from adapters.sandbox.server import Sandbox
from config.container import Container, build_container
from config.settings import Need, load_settings
from domain.login_flows import LoggedIn
from domain.words import Language
from entrypoints.console import Console
from entrypoints.logging_in import LoggingIn, Surroundings, Way
from entrypoints.questions import NoAnswerError
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser

WITH_DISPLAY = {"DISPLAY": ":0"}


@dataclass
class Scene:
    """What the command tells on standard error is in `said`, as soon as it is told."""

    sandbox: Sandbox
    env_file: Path
    browser: ScriptedBrowser
    spoken: io.StringIO = field(default_factory=io.StringIO)

    @property
    def said(self) -> str:
        return self.spoken.getvalue()

    @property
    def controls(self) -> AuthorizationControls:
        return self.sandbox.controls.authorization

    @property
    def values(self) -> dict[str, str | None]:
        return dict(dotenv_values(self.env_file))

    def add(self, **keys: str) -> None:
        with self.env_file.open("a", encoding="utf-8") as file:
            file.writelines(f"{key}='{value}'\n" for key, value in keys.items())

    def container(self) -> Container:
        return build_container(load_settings(Need.LOGGING_IN, env_file=self.env_file, environ={}))

    def log_in(
        self,
        way: Way | None = Way.BROWSER,
        *,
        visit: Callable[[str], object] | None = None,
        environ: dict[str, str] | None = None,
        pasted: Iterable[str] = (),
        refresh_token: str = "",
        opens_browser: bool = True,
    ) -> tuple[Way, LoggedIn]:
        """Log in as `oca login` does; `visit` is what the browser does with the address."""

        lines = iter(pasted)

        def open_browser(address: str) -> None:
            (visit or self.browser.log_in)(address)

        def read_line() -> str:
            try:
                return next(lines)
            except StopIteration:
                raise NoAnswerError from None

        around = Surroundings(
            environ=WITH_DISPLAY if environ is None else environ,
            open_browser=open_browser,
            read_line=read_line,
        )
        with redirect_stderr(self.spoken):
            logging_in = LoggingIn(self.container(), Console(Language.ENGLISH), around)
            return logging_in.run(way, opens_browser=opens_browser, refresh_token=refresh_token)


def by_device(at: Scene, *, allow: bool = True) -> None:
    """A login by device, with a person who decides once the code is there."""
    decided = threading.Event()

    def decide() -> None:
        while not at.controls.pending_devices and not decided.wait(0.01):
            pass
        if allow:
            at.controls.approve_device()
        else:
            at.controls.deny_device()

    person = threading.Thread(target=decide)
    person.start()
    try:
        at.log_in(Way.DEVICE)
    finally:
        decided.set()
        person.join(20)


@contextmanager
def scene(folder: Path) -> Generator[Scene, None, None]:
    with Sandbox(SystemClock(), access_token_lifetime=timedelta(hours=1)) as sandbox, ScriptedBrowser() as browser:
        sandbox.controls.authorization.polling_interval = timedelta(seconds=1)
        env_file = folder / ".env"
        env_file.touch(mode=0o600)
        env_file.write_text(
            f"# mine\nOAUTH_TOKEN_URL={sandbox.token_endpoint}\nOAUTH_CLIENT_ID={sandbox.client_id}\n"
            f"LLM_API_URL={sandbox.chat_url}\nLLM_MODEL_NAME={sandbox.default_model}  # the one\n",
            encoding="utf-8",
        )
        yield Scene(sandbox=sandbox, env_file=env_file, browser=browser)

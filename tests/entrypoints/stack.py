"""The whole product on loopback: a sandbox, and a gateway in front of it, wired as in production."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from dependency_injector import providers

from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.server import Sandbox
from config.container import Container, build_container
from config.settings import load_settings
from entrypoints.api import create_app
from ports.clock import Clock
from tests.fakes.clock import FakeClock
from tests.fakes.live_server import LiveServer

LIFETIME = timedelta(hours=1)


@contextmanager
def sandbox(clock: Clock, *, lifetime: timedelta = LIFETIME) -> Generator[Sandbox, None, None]:
    """A strict sandbox that answers without pauses."""
    with Sandbox(clock, access_token_lifetime=lifetime) as running:
        yield running


def write_env(folder: Path, running: Sandbox, **changes: str) -> Path:
    """A `.env` with a fresh login at the sandbox; `changes` are further keys."""
    path = folder / ".env"
    text = running.env_text(running.controls.issue_login())
    path.write_text(text + "".join(f"{key}='{value}'\n" for key, value in changes.items()), encoding="utf-8")
    path.chmod(0o600)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Gateway and sandbox live by the same clock, which the test moves."""

    sandbox: Sandbox
    clock: FakeClock
    container: Container
    url: str

    @property
    def controls(self) -> SandboxControls:
        return self.sandbox.controls

    def expire(self) -> None:
        """Let the access token end."""
        self.clock.advance(self.controls.access_token_lifetime)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30)


@contextmanager
def stack(folder: Path, **changes: str) -> Generator[Stack, None, None]:
    """Both servers, running; `changes` are settings."""
    clock = FakeClock()
    with sandbox(clock) as running:
        container = build_container(load_settings(env_file=write_env(folder, running, **changes), environ={}))
        container.clock.override(providers.Object(clock))  # pyright: ignore[reportUnknownMemberType] # untyped there
        with LiveServer(create_app(container)) as server:
            yield Stack(sandbox=running, clock=clock, container=container, url=server.url)

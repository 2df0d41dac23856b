"""A running sandbox, and clients for it."""

from collections.abc import Callable, Iterator
from functools import partial

import httpx
import openai
import pytest

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.exchanges import access_token_of, refresh
from tests.adapters.sandbox.login_requests import LoginRequests
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    """A fresh world whose clock stands still."""
    with Sandbox(clock) as running:
        yield running


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def exchange(sandbox: Sandbox, http: httpx.Client) -> Callable[[str], httpx.Response]:
    """Redeems a refresh token."""
    return partial(refresh, http, sandbox)


@pytest.fixture
def browser() -> Iterator[ScriptedBrowser]:
    with ScriptedBrowser() as one:
        yield one


@pytest.fixture
def program(sandbox: Sandbox, http: httpx.Client, browser: ScriptedBrowser) -> LoginRequests:
    """A public client of `sandbox`."""
    return LoginRequests(sandbox=sandbox, http=http, browser=browser)


@pytest.fixture(scope="session")
def world() -> Iterator[Sandbox]:
    """One sandbox for the tests that leave it as they found it."""
    with Sandbox(SystemClock()) as running:
        yield running


@pytest.fixture(scope="session")
def client(world: Sandbox) -> Iterator[openai.OpenAI]:
    """The official client, logged in to `world`, repeating nothing."""
    with httpx.Client(trust_env=False) as http:
        token = access_token_of(refresh(http, world, world.controls.issue_login()))
    with openai.OpenAI(base_url=f"{world.url}/v1", api_key=token, max_retries=0, timeout=10) as official:
        yield official


@pytest.fixture(scope="session")
def api(world: Sandbox, client: openai.OpenAI) -> Iterator[httpx.Client]:
    """Plain HTTP to `world`, logged in."""
    headers = {"Authorization": f"Bearer {client.api_key}"}
    with httpx.Client(base_url=f"{world.url}/v1", headers=headers, timeout=10, trust_env=False) as raw:
        yield raw

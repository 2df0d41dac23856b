"""The login behind the model: a token that is refused before its time, a refresh token that is dead."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.exceptions import ModelAuthenticationError, ModelConnectionError

from adapters.clock.system import SystemClock
from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from adapters.sandbox.controls import SandboxControls, TokenFault
from adapters.sandbox.server import Sandbox
from tests.adapters.langchain.ways import WAYS, Way, hear, run
from tests.fakes.upstream_server import JSON, UpstreamServer, answering, error_body, in_turn, replying

ways = pytest.mark.parametrize("way", WAYS)
REFUSED = replying(
    error_body("the token is from another world", code="invalid_token"), status=401, headers=(*JSON, ("X-Who", "me"))
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SystemClock(), access_token_lifetime=timedelta(hours=1)) as running:
        yield running


@pytest.fixture
def env_file(sandbox: Sandbox, tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(sandbox.env_text(sandbox.controls.issue_login()), encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def model(env_file: Path) -> OCAChatModel:
    return OCAChatModel(token_manager=OCAOauth2TokenManager(env_file), max_retries=0)


class Spent:
    """What the authorization server and the upstream have been asked since."""

    def __init__(self, controls: SandboxControls) -> None:
        self._controls = controls
        self._before = controls.tokens
        self._received = len(controls.received)

    @property
    def refreshes(self) -> int:
        return self._controls.tokens.requests - self._before.requests

    @property
    def reuses(self) -> int:
        return self._controls.tokens.reuses - self._before.reuses

    @property
    def questions(self) -> int:
        return len(self._controls.received) - self._received


@ways
def test_a_token_that_is_revoked_costs_one_refresh_and_one_more_question(
    sandbox: Sandbox, model: OCAChatModel, way: Way
) -> None:
    assert hear(way, model).text
    sandbox.controls.revoke_access_tokens()
    spent = Spent(sandbox.controls)

    assert "Hello" in hear(way, model, "Hello").message.text
    assert (spent.refreshes, spent.questions, spent.reuses) == (1, 2, 0)
    assert hear(way, model).text
    assert (spent.refreshes, spent.questions) == (1, 3)


def test_a_crowd_whose_token_is_revoked_shares_one_refresh(sandbox: Sandbox, model: OCAChatModel) -> None:
    assert model.invoke("Hi").text
    sandbox.controls.revoke_access_tokens()
    spent = Spent(sandbox.controls)
    start = threading.Barrier(16)

    def ask(number: int) -> str:
        start.wait(10)
        return hear(WAYS[number % 4], model).message.text

    with ThreadPoolExecutor(16) as crowd:
        assert all(crowd.map(ask, range(16)))
    assert (spent.refreshes, spent.reuses) == (1, 0)


@ways
def test_a_second_401_is_final_and_told_in_the_upstreams_words(
    sandbox: Sandbox, env_file: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    with UpstreamServer(REFUSED) as upstream:
        manager = OCAOauth2TokenManager(env_file)
        model = OCAChatModel(token_manager=manager, base_url=upstream.api_url, max_retries=3)
        spent = Spent(sandbox.controls)
        error: Any = hear(way, model).error

        assert isinstance(error, ModelAuthenticationError)
        assert not error.is_retryable
        error = cast("Any", error)
        assert "the token is from another world" in str(error)
        assert (error.response.status_code, error.response.headers["x-who"]) == (401, "me")
        assert error.response.json()["error"]["code"] == "invalid_token"
        assert len(upstream.asked) == 2
        assert spent.refreshes == 2, "the first token, and the one in its place"
        tokens = {request.header("Authorization") for request in upstream.asked}
        assert len(tokens) == 2
        assert not any(str(token).removeprefix("Bearer ") in f"{error!r} {error} {caplog.text}" for token in tokens)

        # Nothing more is spent on an upstream that refuses whatever it is given.
        assert type(hear(way, model).error) is ModelAuthenticationError
        assert spent.refreshes == 2


@ways
def test_an_upstream_that_refuses_once_without_a_reason_is_answered_with_another_token(
    env_file: Path, way: Way
) -> None:
    with UpstreamServer(in_turn(REFUSED, answering)) as upstream:
        model = OCAChatModel(token_manager=OCAOauth2TokenManager(env_file), base_url=upstream.api_url, max_retries=0)
        assert hear(way, model).message.text == "Hello"
        first, second = upstream.asked
        assert first.body == second.body
        assert first.header("Authorization") != second.header("Authorization")


@ways
def test_a_dead_refresh_token_is_told_and_not_sent_again(sandbox: Sandbox, env_file: Path, way: Way) -> None:
    sandbox.controls.revoke_login()
    model = OCAChatModel(token_manager=OCAOauth2TokenManager(env_file), max_retries=3)
    spent = Spent(sandbox.controls)

    errors = [hear(way, model).error for _ in range(4)]

    assert {type(error) for error in errors} == {ModelAuthenticationError}
    assert all("OAUTH_REFRESH_TOKEN" in str(error) for error in errors), "it says what to do"
    assert (spent.refreshes, spent.questions) == (1, 0)


def test_a_crowd_at_a_dead_login_makes_no_storm(sandbox: Sandbox, env_file: Path) -> None:
    sandbox.controls.revoke_login()
    model = OCAChatModel(token_manager=OCAOauth2TokenManager(env_file))
    spent = Spent(sandbox.controls)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(model.ainvoke("Hi") for _ in range(20)), return_exceptions=True)

    def ask_in_a_thread(number: int) -> Any:
        return hear(WAYS[number % 4], model).error

    with ThreadPoolExecutor(4) as crowd:
        threads = list(crowd.map(ask_in_a_thread, range(8)))
        errors = [*threads, *run(ask())]
    assert {type(error) for error in errors} == {ModelAuthenticationError}
    assert spent.refreshes == 1


@ways
def test_a_login_that_is_mended_is_picked_up_without_a_restart(sandbox: Sandbox, env_file: Path, way: Way) -> None:
    sandbox.controls.revoke_login()
    model = OCAChatModel(token_manager=OCAOauth2TokenManager(env_file))
    assert type(hear(way, model).error) is ModelAuthenticationError

    env_file.write_text(sandbox.env_text(sandbox.controls.issue_login()), encoding="utf-8")
    assert hear(way, model).message.text


@ways
def test_a_token_endpoint_that_fails_is_a_matter_of_the_connection(sandbox: Sandbox, env_file: Path, way: Way) -> None:
    sandbox.controls.fail_next(*[TokenFault.NOT_JSON] * 12)
    try:
        error: Any = hear(way, OCAChatModel(token_manager=OCAOauth2TokenManager(env_file))).error
        assert type(error) is ModelConnectionError
        assert error.is_retryable
    finally:
        while sandbox.controls.take_fault() is not None:
            pass

"""The login lives through expiries, crowds, refusals and bad days, end to end over real sockets."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from adapters.langchain import OCAOauth2TokenManager
from adapters.sandbox.controls import TokenFault
from tests.entrypoints.stack import Stack

CHAT = {"messages": [{"role": "user", "content": "Hello!"}]}


def ask(client: httpx.Client) -> int:
    return client.post("/v1/chat/completions", json=CHAT).status_code


def ask_at_once(crowd: ThreadPoolExecutor, client: httpx.Client, number: int) -> list[int]:
    asking = [crowd.submit(ask, client) for _ in range(number)]
    return [each.result() for each in asking]


def test_64_parallel_requests_at_an_expiry_cause_one_token_request_and_none_fails(running: Stack) -> None:
    with running.client() as client, ThreadPoolExecutor(64) as crowd:
        assert ask(client) == 200
        before = running.controls.tokens.grants
        for expiry in range(1, 4):
            running.expire()
            assert ask_at_once(crowd, client, 64) == [200] * 64
            assert running.controls.tokens.grants == before + expiry
    seen = running.controls.tokens
    assert (seen.requests, seen.reuses, seen.most_in_flight) == (seen.grants, 0, 1)


def test_a_stale_token_goes_on_being_used_while_one_renewal_runs_behind_it(running: Stack) -> None:
    with running.client() as client:
        assert ask(client) == 200
        before = running.controls.tokens.grants
        running.controls.answer_delay = timedelta(seconds=1)
        running.clock.advance(timedelta(minutes=56))
        with ThreadPoolExecutor(16) as crowd:
            assert set(ask_at_once(crowd, client, 32)) == {200}
        assert running.controls.wait_until(lambda: running.controls.tokens.in_flight == 0)
        assert running.controls.tokens.grants <= before + 1
        container = running.container
        container.blocking_driver().refresher.wait()
        assert running.controls.tokens.grants == before + 1


def test_a_revoked_access_token_is_renewed_once_for_a_whole_crowd(running: Stack) -> None:
    with running.client() as client, ThreadPoolExecutor(32) as crowd:
        assert ask(client) == 200
        before = running.controls.tokens.grants
        running.controls.revoke_access_tokens()
        assert ask_at_once(crowd, client, 32) == [200] * 32
    assert running.controls.tokens.grants == before + 1
    assert running.controls.tokens.reuses == 0


def test_a_dead_login_is_503_with_the_command_that_mends_it_and_the_server_is_asked_once(running: Stack) -> None:
    with running.client() as client:
        assert ask(client) == 200
        running.controls.revoke_login()
        running.expire()
        before = running.controls.tokens.requests
        for _ in range(5):
            response = client.post("/v1/chat/completions", json=CHAT)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "login_required"
            assert "oca login --env-file" in response.json()["error"]["message"]
        assert client.get("/readyz").status_code == 503
        assert running.controls.tokens.requests == before + 1


def test_a_new_refresh_token_pasted_into_the_file_mends_it_without_a_restart(running: Stack) -> None:
    path: Path = running.container.settings().env_file
    with running.client() as client:
        assert ask(client) == 200
        running.controls.revoke_login()
        running.expire()
        assert ask(client) == 503
        old = dotenv_values(path)["OAUTH_REFRESH_TOKEN"]
        assert old is not None
        path.write_text(path.read_text().replace(old, running.controls.issue_login()))
        assert ask(client) == 200


@pytest.mark.parametrize(
    "fault",
    [
        TokenFault.STATUS_500,
        TokenFault.STATUS_503,
        TokenFault.HTML,
        TokenFault.NOT_JSON,
        TokenFault.CLOSED_BEFORE_ROTATION,
    ],
)
def test_one_faulty_answer_of_the_token_endpoint_is_made_up_for_and_lasting_trouble_is_said_clearly(
    running: Stack, fault: TokenFault
) -> None:
    running.controls.retry_after = timedelta(0)
    with running.client() as client:
        assert ask(client) == 200
        running.expire()
        running.controls.fail_next(fault)
        assert ask(client) == 200
        running.expire()
        running.controls.fail_next(*[fault] * 8)
        response = client.post("/v1/chat/completions", json=CHAT)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "token_endpoint_unavailable")
        assert "The login is kept" in response.json()["error"]["message"]
        while running.controls.take_fault() is not None:
            pass
        running.clock.advance(timedelta(seconds=2))
        assert ask(client) == 200
    assert running.controls.tokens.reuses == 0


@pytest.mark.parametrize(
    "fault",
    [
        TokenFault.NO_EXPIRES_IN,
        TokenFault.EXPIRES_IN_STRING,
        TokenFault.EXPIRES_IN_WRONG,
        TokenFault.NO_REFRESH_TOKEN,
    ],
)
def test_an_odd_but_usable_grant_is_used(running: Stack, fault: TokenFault) -> None:
    with running.client() as client:
        assert ask(client) == 200
        running.controls.fail_next(fault)
        running.expire()
        assert ask(client) == 200
        running.expire()
        assert ask(client) == 200
    assert running.controls.tokens.reuses == 0


def test_a_refresh_runs_to_its_end_when_the_caller_that_asked_for_it_goes_away(running: Stack) -> None:
    with running.client() as client:
        assert ask(client) == 200
        before = running.controls.tokens.grants
        running.expire()
        running.controls.answer_delay = timedelta(seconds=0.5)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=CHAT, timeout=0.1)
        running.container.blocking_driver().refresher.wait()
        running.controls.answer_delay = timedelta(0)
        assert ask(client) == 200
    assert running.controls.tokens.grants == before + 1
    assert running.controls.tokens.reuses == 0


def test_threads_tasks_and_a_running_server_share_one_login(running: Stack) -> None:
    settings = running.container.settings()
    managers = [OCAOauth2TokenManager(settings=settings) for _ in range(4)]
    with ThreadPoolExecutor(16) as crowd, running.client() as client:
        assert ask(client) == 200
        in_file = dotenv_values(settings.env_file)["OAUTH_ACCESS_TOKEN"]
        # These managers live by the system's clock, for which the sandbox's token is long over.
        asking = [crowd.submit(manager.get_access_token, rejected=in_file) for manager in managers * 8]
        tokens = {each.result() for each in asking}
    assert len(tokens) == 1
    assert running.controls.tokens.reuses == 0


async def test_the_async_twin_shares_a_refresh_and_survives_cancelled_callers(running: Stack) -> None:
    manager = OCAOauth2TokenManager(settings=running.container.settings())
    running.controls.answer_delay = timedelta(seconds=0.3)
    first = asyncio.create_task(manager.aget_access_token(rejected=""))
    others = [asyncio.create_task(manager.aget_access_token()) for _ in range(8)]
    await asyncio.sleep(0.05)
    first.cancel()
    tokens = await asyncio.gather(*others)
    assert len(set(tokens)) == 1
    assert running.controls.tokens.reuses == 0


def test_a_manager_outlives_its_event_loops(running: Stack) -> None:
    manager = OCAOauth2TokenManager(settings=running.container.settings())
    assert asyncio.run(manager.aget_access_token()) == asyncio.run(manager.aget_access_token())

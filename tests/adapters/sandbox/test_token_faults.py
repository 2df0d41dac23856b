"""Answers of the token endpoint that go wrong on purpose."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from adapters.sandbox.controls import TokenFault
from adapters.sandbox.server import Sandbox
from domain.http import HttpResponse
from domain.oauth2 import AnswerKind, read_answer
from tests.adapters.sandbox.exchanges import refresh_token_of
from tests.fakes.clock import FakeClock

Exchange = Callable[[str], httpx.Response]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (TokenFault.STATUS_500, 500, AnswerKind.UNKNOWN),
        (TokenFault.STATUS_503, 503, AnswerKind.UNAVAILABLE),
        (TokenFault.HTML, 502, AnswerKind.UNKNOWN),
        (TokenFault.NOT_JSON, 200, AnswerKind.UNKNOWN),
        (TokenFault.NO_EXPIRES_IN, 200, AnswerKind.GRANTED),
        (TokenFault.EXPIRES_IN_STRING, 200, AnswerKind.GRANTED),
        (TokenFault.EXPIRES_IN_WRONG, 200, AnswerKind.GRANTED),
        (TokenFault.NO_REFRESH_TOKEN, 200, AnswerKind.GRANTED),
    ],
)
def test_a_fault_strikes_once_and_the_login_survives_it(
    sandbox: Sandbox, exchange: Exchange, fault: TokenFault, status: int, kind: AnswerKind
) -> None:
    sandbox.controls.fail_next(fault)
    token = sandbox.controls.issue_login()

    response = exchange(token)

    assert response.status_code == status
    answer = read_answer(HttpResponse(status=response.status_code, body=response.content))
    assert answer.kind is kind
    follower = exchange(answer.refresh_token or token)
    assert follower.status_code == 200
    assert isinstance(follower.json()["expires_in"], int)


def test_faults_are_what_their_names_say(sandbox: Sandbox, exchange: Exchange) -> None:
    token = sandbox.controls.issue_login()
    sandbox.controls.fail_next(TokenFault.STATUS_503, TokenFault.NO_REFRESH_TOKEN, TokenFault.NO_EXPIRES_IN)
    assert exchange(token).headers["retry-after"] == "1"
    assert "refresh_token" not in exchange(token).json()
    answer = exchange(token)
    assert "expires_in" not in answer.json()
    sandbox.controls.fail_next(TokenFault.EXPIRES_IN_STRING, TokenFault.EXPIRES_IN_WRONG)
    answer = exchange(refresh_token_of(answer))
    assert answer.json()["expires_in"] == "60"
    assert exchange(refresh_token_of(answer)).json()["expires_in"] == "soon"


def test_a_connection_closed_before_the_rotation_costs_nothing(sandbox: Sandbox, exchange: Exchange) -> None:
    sandbox.controls.fail_next(TokenFault.CLOSED_BEFORE_ROTATION)
    token = sandbox.controls.issue_login()
    with pytest.raises(httpx.RemoteProtocolError):
        exchange(token)

    assert exchange(token).status_code == 200


def test_a_connection_closed_after_the_rotation_costs_the_login(sandbox: Sandbox, exchange: Exchange) -> None:
    sandbox.controls.fail_next(TokenFault.CLOSED_AFTER_ROTATION)
    token = sandbox.controls.issue_login()
    with pytest.raises(httpx.RemoteProtocolError):
        exchange(token)

    assert exchange(token).json()["error"] == "invalid_grant"
    assert sandbox.controls.tokens.reuses == 1


def test_faults_by_chance_spend_nothing_and_come_again_with_the_same_seed(sandbox: Sandbox, exchange: Exchange) -> None:
    token = sandbox.controls.issue_login()

    def seen() -> list[int]:
        sandbox.controls.dice.seed(7)
        sandbox.controls.fault_rate = 0.9
        statuses: list[int] = []
        for _ in range(12):
            with suppress(httpx.RemoteProtocolError):
                answer = exchange(token)
                statuses.append(answer.status_code)
                if "refresh_token" in answer.text:
                    break
        return statuses

    first = seen()
    assert len(set(first)) > 1
    sandbox.controls.fault_rate = 0.0
    token = sandbox.controls.issue_login()
    assert seen() == first
    sandbox.controls.fault_rate = 0.0
    assert sandbox.controls.tokens.reuses == 0


def test_some_answers_are_late_by_chance(sandbox: Sandbox) -> None:
    controls = sandbox.controls
    controls.answer_delay, controls.late_by = timedelta(seconds=1), timedelta(seconds=3)
    assert controls.take_delay() == timedelta(seconds=1)
    controls.dice.seed(7)
    controls.late_rate = 0.5
    assert {controls.take_delay() for _ in range(20)} == {timedelta(seconds=1), timedelta(seconds=4)}


def test_each_exchange_is_remembered_with_its_times_and_what_it_brought(
    sandbox: Sandbox, exchange: Exchange, clock: FakeClock
) -> None:
    sandbox.controls.fail_next(TokenFault.STATUS_503)
    token = sandbox.controls.issue_login()
    exchange(token)
    later = clock.now() + timedelta(seconds=3)
    clock.advance(timedelta(seconds=3))
    exchange(token)
    assert sandbox.controls.wait_until(lambda: sandbox.controls.tokens.in_flight == 0)
    assert [(each.arrived, each.ended, each.granted) for each in sandbox.controls.exchanges] == [
        (later - timedelta(seconds=3), later - timedelta(seconds=3), False),
        (later, later, True),
    ]

"""Answers of the token endpoint that go wrong on purpose."""

from collections.abc import Callable

import httpx
import pytest

from adapters.sandbox.controls import TokenFault
from adapters.sandbox.server import Sandbox
from domain.http import HttpResponse
from domain.oauth2 import AnswerKind, read_answer
from tests.adapters.sandbox.exchanges import refresh_token_of

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

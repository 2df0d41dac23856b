import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.exchanges import access_token_of, refresh, refresh_token_of
from tests.fakes.clock import FakeClock

Exchange = Callable[[str], httpx.Response]


def upstream_accepts(http: httpx.Client, sandbox: Sandbox, access_token: str) -> bool:
    response = http.get(sandbox.models_url, headers={"Authorization": f"Bearer {access_token}"})
    assert response.status_code in (200, 401)
    return response.status_code == 200


def test_a_refresh_token_is_exchanged_for_a_pair_that_must_not_be_cached(sandbox: Sandbox, exchange: Exchange) -> None:
    first = sandbox.controls.issue_login()

    response = exchange(first)

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 60
    assert body["refresh_token"] != first
    assert sandbox.controls.tokens.grants == 1


def test_an_access_token_looks_like_a_jwt_and_tells_its_lifetime(sandbox: Sandbox, exchange: Exchange) -> None:
    token = access_token_of(exchange(sandbox.controls.issue_login()))

    head, claims, signature = token.split(".")
    padded = claims + "=" * (-len(claims) % 4)
    decoded = json.loads(base64.urlsafe_b64decode(padded))
    assert decoded["exp"] - decoded["iat"] == 60
    assert head
    assert signature


def test_a_refresh_token_holds_the_characters_that_careless_quoting_breaks(sandbox: Sandbox) -> None:
    token = sandbox.controls.issue_login()

    assert token.startswith("AgAg")
    assert token.endswith("==")
    assert {"+", "/", "="} <= set(token)


def test_each_exchange_rotates(sandbox: Sandbox, exchange: Exchange) -> None:
    token = sandbox.controls.issue_login()
    seen = {token}
    for _ in range(5):
        token = refresh_token_of(exchange(token))
        seen.add(token)

    assert len(seen) == 6


def test_reuse_revokes_the_whole_family(sandbox: Sandbox, http: httpx.Client, exchange: Exchange) -> None:
    spent = sandbox.controls.issue_login()
    heir = exchange(spent)
    assert upstream_accepts(http, sandbox, access_token_of(heir))

    again = exchange(spent)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert exchange(refresh_token_of(heir)).json()["error"] == "invalid_grant"
    assert not upstream_accepts(http, sandbox, access_token_of(heir))
    assert sandbox.controls.tokens.reuses == 1


def test_reuse_leaves_other_logins_alone(sandbox: Sandbox, http: httpx.Client, exchange: Exchange) -> None:
    mine, theirs = sandbox.controls.issue_login(), sandbox.controls.issue_login()
    their_answer = exchange(theirs)
    exchange(mine)
    exchange(mine)

    assert upstream_accepts(http, sandbox, access_token_of(their_answer))
    assert exchange(refresh_token_of(their_answer)).status_code == 200


def test_within_the_grace_period_a_spent_token_yields_the_same_successor(
    sandbox: Sandbox, http: httpx.Client, exchange: Exchange, clock: FakeClock
) -> None:
    sandbox.controls.grace = timedelta(seconds=5)
    spent = sandbox.controls.issue_login()
    lost = exchange(spent)
    clock.advance(timedelta(seconds=4.9))

    again = exchange(spent)

    assert refresh_token_of(again) == refresh_token_of(lost)
    assert upstream_accepts(http, sandbox, access_token_of(again))
    assert exchange(refresh_token_of(again)).status_code == 200


def test_the_grace_period_ends(sandbox: Sandbox, exchange: Exchange, clock: FakeClock) -> None:
    sandbox.controls.grace = timedelta(seconds=5)
    spent = sandbox.controls.issue_login()
    exchange(spent)
    clock.advance(timedelta(seconds=5))

    assert exchange(spent).json()["error"] == "invalid_grant"


def test_grace_covers_the_previous_token_only(sandbox: Sandbox, exchange: Exchange) -> None:
    sandbox.controls.grace = timedelta(seconds=5)
    oldest = sandbox.controls.issue_login()
    exchange(refresh_token_of(exchange(oldest)))

    assert exchange(oldest).json()["error"] == "invalid_grant"


def test_of_two_simultaneous_requests_with_one_token_exactly_one_wins(sandbox: Sandbox) -> None:
    sandbox.controls.answer_delay = timedelta(seconds=0.2)
    token = sandbox.controls.issue_login()
    together = threading.Barrier(2)

    def send() -> int:
        with httpx.Client(trust_env=False) as http:
            together.wait(5)
            return refresh(http, sandbox, token).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(future.result() for future in [pool.submit(send) for _ in range(2)])

    assert statuses == [200, 400]
    assert sandbox.controls.tokens.most_in_flight == 2
    assert sandbox.controls.tokens.in_flight == 0


def test_the_rotation_is_done_while_its_answer_is_still_on_the_way(
    sandbox: Sandbox, http: httpx.Client, exchange: Exchange
) -> None:
    token = sandbox.controls.issue_login()
    sandbox.controls.answer_delay = timedelta(minutes=5)
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            sandbox.token_endpoint,
            data={"grant_type": "refresh_token", "refresh_token": token, "client_id": sandbox.client_id},
            timeout=0.2,
        )
    sandbox.controls.answer_delay = timedelta(0)

    assert exchange(token).json()["error"] == "invalid_grant"


def test_an_access_token_expires_by_the_clock(
    sandbox: Sandbox, http: httpx.Client, exchange: Exchange, clock: FakeClock
) -> None:
    sandbox.controls.access_token_lifetime = timedelta(seconds=2)
    answer = exchange(sandbox.controls.issue_login())
    assert answer.json()["expires_in"] == 2
    clock.advance(timedelta(seconds=1.9))
    assert upstream_accepts(http, sandbox, access_token_of(answer))

    clock.advance(timedelta(seconds=0.1))

    assert not upstream_accepts(http, sandbox, access_token_of(answer))


def test_revoked_access_tokens_leave_the_refresh_token_good(
    sandbox: Sandbox, http: httpx.Client, exchange: Exchange
) -> None:
    answer = exchange(sandbox.controls.issue_login())
    sandbox.controls.revoke_access_tokens()

    assert not upstream_accepts(http, sandbox, access_token_of(answer))
    renewed = exchange(refresh_token_of(answer))
    assert upstream_accepts(http, sandbox, access_token_of(renewed))


def test_a_revoked_login_is_dead(sandbox: Sandbox, http: httpx.Client, exchange: Exchange) -> None:
    answer = exchange(sandbox.controls.issue_login())
    sandbox.controls.revoke_login()

    assert not upstream_accepts(http, sandbox, access_token_of(answer))
    assert exchange(refresh_token_of(answer)).json()["error"] == "invalid_grant"
    assert sandbox.controls.tokens.reuses == 0


GOOD = {"grant_type": "refresh_token", "client_id": "oca-sandbox", "refresh_token": "unknown"}


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        (GOOD, 400, "invalid_grant"),
        ({**GOOD, "client_id": "somebody"}, 401, "invalid_client"),
        ({**GOOD, "client_secret": "guess"}, 401, "invalid_client"),
        ({**GOOD, "client_id": ""}, 400, "invalid_request"),
        ({**GOOD, "refresh_token": ""}, 400, "invalid_request"),
        ({**GOOD, "grant_type": ""}, 400, "invalid_request"),
        ({**GOOD, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GOOD, "scope": "admin"}, 400, "invalid_scope"),
        ({**GOOD, "refresh_token": ["unknown", "unknown"]}, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
    ],
)
def test_a_bad_request_is_answered_as_rfc_6749_says(
    sandbox: Sandbox, http: httpx.Client, form: dict[str, Any], status: int, error: str
) -> None:
    response = http.post(
        sandbox.token_endpoint, data=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize("content", [b"x" * 100_000, b"\xff\xfe", b"refresh_token=%ff"])
def test_a_body_that_is_no_form_is_refused(sandbox: Sandbox, http: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = http.post(sandbox.token_endpoint, content=content, headers=headers)

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_json_is_not_accepted(sandbox: Sandbox, http: httpx.Client) -> None:
    response = http.post(sandbox.token_endpoint, json={**GOOD, "refresh_token": sandbox.controls.issue_login()})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_only_post_is_served(sandbox: Sandbox, http: httpx.Client) -> None:
    assert http.get(sandbox.token_endpoint).status_code == 405


def test_an_unescaped_plus_spoils_the_token(sandbox: Sandbox, http: httpx.Client) -> None:
    body = f"grant_type=refresh_token&client_id=oca-sandbox&refresh_token={sandbox.controls.issue_login()}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    assert http.post(sandbox.token_endpoint, content=body, headers=headers).json()["error"] == "invalid_grant"


def test_statistics_tell_when_requests_came(sandbox: Sandbox, exchange: Exchange, clock: FakeClock) -> None:
    began = clock.now()
    token = refresh_token_of(exchange(sandbox.controls.issue_login()))
    clock.advance(timedelta(seconds=3))
    exchange(token)

    statistics = sandbox.controls.tokens
    assert statistics.requests == statistics.grants == 2
    assert statistics.request_times == (began, began + timedelta(seconds=3))
    assert statistics.refusals == 0

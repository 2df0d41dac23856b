"""RFC 8628: a code on the terminal, a decision in a browser, and a program that asks until it is told."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.login_requests import LoginRequests, claims_of, error_of
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser
from tests.fakes.clock import FakeClock

SECOND = timedelta(seconds=1)


def test_a_device_is_told_its_codes_where_to_go_and_how_often_to_ask(sandbox: Sandbox, program: LoginRequests) -> None:
    answer = program.device(response_type="device_code")

    place = f"{sandbox.url}/device"
    assert answer["verification_uri"] == place
    complete = str(answer["verification_uri_complete"])
    assert complete.startswith(f"{place}?")
    assert parse_qs(urlsplit(complete).query) == {"user_code": [answer["user_code"]]}
    assert (answer["expires_in"], answer["interval"]) == (600, 5)
    # RFC 8628 section 6.1: letters that make no words and are not mistaken for others.
    assert len(answer["user_code"]) == 9
    assert not set(answer["user_code"]) & set("AEIOUY0123456789")


def test_an_allowed_device_gets_tokens_once(program: LoginRequests, browser: ScriptedBrowser) -> None:
    answer = program.device()
    assert error_of(program.poll(answer["device_code"])) == (400, "authorization_pending")

    page = browser.log_in(answer["verification_uri_complete"])

    assert "已允许访问" in page.text
    body = program.poll(answer["device_code"]).json()
    assert program.accepts(body["access_token"])
    assert program.renew(body["refresh_token"]).status_code == 200
    claims = claims_of(body["id_token"])
    assert claims["aud"] == "oca-sandbox"
    assert "nonce" not in claims
    assert error_of(program.poll(answer["device_code"])) == (400, "invalid_grant")


def test_a_denied_device_is_told_so(program: LoginRequests, browser: ScriptedBrowser) -> None:
    answer = program.device()
    assert "已拒绝访问" in browser.log_in(answer["verification_uri_complete"], allow=False).text

    assert error_of(program.poll(answer["device_code"])) == (400, "access_denied")


def test_the_code_may_be_typed_in_any_case_and_without_its_dash(
    program: LoginRequests, browser: ScriptedBrowser
) -> None:
    answer = program.device()
    page = browser.open(answer["verification_uri"])

    asked = browser.submit(page, {"user_code": f" {answer['user_code'].lower().replace('-', '')} "})

    assert answer["user_code"] in asked.text
    assert "Access allowed" in browser.press(asked).text
    assert program.poll(answer["device_code"]).status_code == 200


def test_the_page_shows_the_code_even_when_it_came_with_the_address(
    program: LoginRequests, browser: ScriptedBrowser
) -> None:
    answer = program.device()
    page = browser.open(answer["verification_uri_complete"])

    assert page.text.count(answer["user_code"]) == 2
    assert error_of(program.poll(answer["device_code"])) == (400, "authorization_pending")
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_code_that_nothing_waits_under_is_asked_for_again(
    program: LoginRequests, browser: ScriptedBrowser, clock: FakeClock
) -> None:
    place, expired = program.device()["verification_uri"], program.device()["user_code"]
    clock.advance(timedelta(minutes=10))
    for code in ("BCDF-GHJK", '"><script>', expired):
        page = browser.submit(browser.open(place), {"user_code": code})
        assert page.status_code == 400
        assert "没有使用此代码" in page.text
        assert "<script" not in page.text


def test_a_decision_counts_once_and_only_from_the_browser_that_was_asked(
    sandbox: Sandbox, program: LoginRequests, browser: ScriptedBrowser, http: httpx.Client
) -> None:
    answer = program.device()
    page = browser.open(answer["verification_uri_complete"])
    with ScriptedBrowser() as another:
        assert another.press(page).status_code == 400
    sandbox.controls.authorization.deny_device(answer["user_code"])

    assert browser.press(page).status_code == 400
    assert http.post(answer["verification_uri"], json={}).status_code == 400


def test_a_device_code_expires(program: LoginRequests, clock: FakeClock) -> None:
    code = program.device()["device_code"]
    clock.advance(timedelta(minutes=10) - SECOND)
    assert error_of(program.poll(code)) == (400, "authorization_pending")
    clock.advance(SECOND)

    assert error_of(program.poll(code)) == (400, "expired_token")


def test_who_asks_too_often_has_to_wait_five_seconds_longer_each_time(program: LoginRequests, clock: FakeClock) -> None:
    code = program.device()["device_code"]

    def after(seconds: int) -> str:
        clock.advance(seconds * SECOND)
        return error_of(program.poll(code))[1]

    # The interval is 5 s, and the first question may come at once.
    assert [after(0), after(5), after(4)] == ["authorization_pending", "authorization_pending", "slow_down"]
    # Now 10 s, counted from the question that came too early.
    assert [after(10), after(9)] == ["authorization_pending", "slow_down"]
    # Now 15 s.
    assert [after(14), after(19)] == ["slow_down", "slow_down"]
    # Now 25 s.
    assert after(25) == "authorization_pending"


def test_who_has_been_allowed_is_not_slowed_down(sandbox: Sandbox, program: LoginRequests) -> None:
    code = program.device()["device_code"]
    program.poll(code)
    sandbox.controls.authorization.approve_device()

    assert program.poll(code).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"scope": "openid"}, 400, "invalid_request"),
        ({"scope": "openid", "client_id": "somebody"}, 401, "invalid_client"),
        ({"scope": "openid", "client_id": "oca-sandbox-confidential"}, 401, "invalid_client"),
        ({"scope": "admin", "client_id": "oca-sandbox"}, 400, "invalid_scope"),
        ({"client_id": "oca-sandbox"}, 400, "invalid_scope"),
    ],
)
def test_a_bad_device_request_is_refused(program: LoginRequests, form: dict[str, str], status: int, error: str) -> None:
    assert error_of(program.post(Endpoint.DEVICE, form)) == (status, error)


def test_a_device_code_is_bound_to_its_client(program: LoginRequests) -> None:
    code = program.device()["device_code"]
    other = {"client_id": "oca-sandbox-confidential", "client_secret": "sandbox: +/=&% secret"}

    assert error_of(program.poll(code, **other)) == (400, "invalid_grant")
    assert error_of(program.poll("unknown")) == (400, "invalid_grant")
    assert error_of(program.poll("")) == (400, "invalid_request")


def test_a_test_may_decide_in_the_users_place(sandbox: Sandbox, program: LoginRequests) -> None:
    controls = sandbox.controls.authorization
    one, two = program.device(), program.device(scope="openid")
    assert [each.user_code for each in controls.pending_devices] == [one["user_code"], two["user_code"]]

    controls.deny_device(one["user_code"])
    controls.approve_device()

    assert controls.pending_devices == ()
    assert error_of(program.poll(one["device_code"])) == (400, "access_denied")
    assert "refresh_token" not in program.poll(two["device_code"]).json()
    with pytest.raises(LookupError):
        controls.approve_device()


def test_waiting_is_no_refusal(sandbox: Sandbox, program: LoginRequests) -> None:
    code = program.device()["device_code"]
    program.poll(code)
    program.poll(code)
    assert (sandbox.controls.tokens.requests, sandbox.controls.tokens.refusals) == (2, 0)
    sandbox.controls.authorization.deny_device()
    program.poll(code)

    assert sandbox.controls.tokens.refusals == 1

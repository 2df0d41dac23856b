"""Who may ask the user, who is sent back with which error, and what the page is like."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.authorize_endpoint import is_redirect_uri
from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.login_requests import (
    REDIRECT_URI,
    LoginRequests,
    authorize_address,
    authorize_fields,
    callback_of,
)
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser, form_in


def test_an_allowed_request_brings_a_code_the_state_and_the_issuer(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    page = browser.open(authorize_address(sandbox))
    assert page.status_code == 200
    assert "oca-sandbox" in page.text

    answer = callback_of(browser.press(page))

    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("s t&te", sandbox.url)


def test_a_denied_request_brings_access_denied_with_state_and_issuer(
    sandbox: Sandbox, browser: ScriptedBrowser
) -> None:
    answer = callback_of(browser.press(browser.open(authorize_address(sandbox)), allow=False))

    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == ("s t&te", sandbox.url)
    assert "code" not in answer


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "too-short"}, "invalid_request"),
        ({"code_challenge": "=" * 43}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none consent"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported"),
    ],
)
def test_what_the_client_does_wrong_is_told_to_the_client(
    sandbox: Sandbox, browser: ScriptedBrowser, changes: dict[str, str | None], error: str
) -> None:
    answer = callback_of(browser.open(authorize_address(sandbox, **changes)))

    assert answer["error"] == error
    assert answer["error_description"]
    assert (answer["state"], answer["iss"]) == ("s t&te", sandbox.url)


def test_a_parameter_given_twice_is_told_to_the_client(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    answer = callback_of(browser.open(f"{authorize_address(sandbox)}&scope=openid"))

    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    "query",
    [
        urlencode(authorize_fields(client_id=None)),
        urlencode(authorize_fields(client_id="somebody")),
        urlencode(authorize_fields(redirect_uri=None)),
        urlencode(authorize_fields(redirect_uri="https://attacker.example/callback")),
        urlencode(authorize_fields()) + "&client_id=oca-sandbox",
        urlencode(authorize_fields()) + "&redirect_uri=https%3A%2F%2Fattacker.example",
        "client_id=%ff",
    ],
)
def test_nobody_is_redirected_to_an_address_that_is_not_known_to_be_the_clients(
    sandbox: Sandbox, browser: ScriptedBrowser, query: str
) -> None:
    page = browser.open(f"{sandbox.place_of(Endpoint.AUTHORIZE)}?{query}")

    assert page.status_code == 400
    assert "location" not in page.headers
    assert "无法继续登录" in page.text


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1/", True),
        ("http://[::1]:65535/a/b?c=d", True),
        ("http://localhost:48801/auth/oca", True),
        ("https://127.0.0.1:1/callback", False),
        ("http://127.0.0.2:1/callback", False),
        ("http://0.0.0.0:1/callback", False),
        ("http://127.0.0.1.attacker.example:1/", False),
        ("http://127.0.0.1@attacker.example/", False),
        ("http://user@127.0.0.1:1/", False),
        ("http://attacker.example\\@127.0.0.1/", False),
        ("http://127.0.0.1:1/callback#fragment", False),
        ("http://127.0.0.1:1/callback#", False),
        ("http://127.0.0.1:99999/", False),
        ("http://127.0.0.1:0/", False),
        ("http://127.0.0.1:1/a b", False),
        ("http://127.0.0.1:1/\r\nX: y", False),
        ("http://127.0.0.1:1/é", False),
        ("http://[::1/", False),
        ("/callback", False),
        ("", False),
    ],
)
def test_a_redirect_uri_is_a_loopback_address_with_any_port(uri: str, allowed: bool) -> None:
    assert is_redirect_uri(uri, None) is allowed


def test_where_redirect_uris_are_listed_only_exactly_these_are_taken(
    sandbox: Sandbox, browser: ScriptedBrowser
) -> None:
    sandbox.controls.authorization.redirect_uris = frozenset({"http://127.0.0.1:48801/auth/oca"})

    def status(uri: str) -> int:
        return browser.open(authorize_address(sandbox, redirect_uri=uri)).status_code

    assert status("http://127.0.0.1:48801/auth/oca") == 200
    assert status("http://127.0.0.1:48802/auth/oca") == 400
    assert status("http://127.0.0.1:48801/auth/oca/") == 400
    assert status("http://localhost:48801/auth/oca") == 400


def test_the_redirect_keeps_the_query_that_the_address_has(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    page = browser.open(authorize_address(sandbox, redirect_uri=f"{REDIRECT_URI}?kept=1"))

    answer = callback_of(browser.press(page))

    assert answer["kept"] == "1"
    assert answer["code"]


def test_a_request_without_state_is_answered_without(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    answer = callback_of(browser.press(browser.open(authorize_address(sandbox, state=None))))

    assert set(answer) == {"code", "iss"}


def test_a_request_may_come_by_post(sandbox: Sandbox, http: httpx.Client) -> None:
    page = http.post(sandbox.place_of(Endpoint.AUTHORIZE), data=authorize_fields())

    assert page.status_code == 200
    assert form_in(page).hidden["ticket"]
    refused = http.post(sandbox.place_of(Endpoint.AUTHORIZE), json=authorize_fields())
    assert refused.status_code == 400


def test_the_page_is_whole_by_itself_not_kept_and_not_framed(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    page = browser.open(authorize_address(sandbox))

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("form-action 'self' http://127.0.0.1:49152")
    assert "script" not in page.text
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_the_form_may_lead_to_an_ipv6_address_for_which_the_policy_has_no_words(
    sandbox: Sandbox, browser: ScriptedBrowser
) -> None:
    page = browser.open(authorize_address(sandbox, redirect_uri="http://[::1]:49152/callback"))

    assert page.headers["content-security-policy"].endswith("form-action 'self' http:")


def test_what_is_shown_is_escaped(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    page = browser.open(authorize_address(sandbox, redirect_uri='http://localhost:1/"><script>alert(1)</script>'))

    assert page.status_code == 200
    assert "<script" not in page.text


def test_a_form_is_taken_once_and_from_the_browser_that_was_shown_it(
    sandbox: Sandbox, browser: ScriptedBrowser
) -> None:
    page = browser.open(authorize_address(sandbox))
    with ScriptedBrowser() as another:
        assert another.press(page).status_code == 400
    assert browser.submit(page, {"decision": "perhaps"}).status_code == 400

    assert browser.press(page).status_code == 303
    assert browser.press(page).status_code == 400


def test_two_pages_may_be_open_in_one_browser(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    first = browser.open(authorize_address(sandbox, state="1"))
    second = browser.open(authorize_address(sandbox, state="2"))

    assert callback_of(browser.press(first))["state"] == "1"
    assert callback_of(browser.press(second))["state"] == "2"


def test_a_user_who_has_allowed_the_client_before_may_see_no_page(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    sandbox.controls.authorization.consents_at_once = True

    assert callback_of(browser.open(authorize_address(sandbox)))["code"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (LoginFault.NO_CALLBACK_ISS, {"state": "s t&te"}),
        (LoginFault.NO_CALLBACK_STATE, {"iss": "{url}"}),
        (LoginFault.WRONG_CALLBACK_ISS, {"state": "s t&te", "iss": "{url}/other"}),
        (LoginFault.WRONG_CALLBACK_STATE, {"state": "of-another-request", "iss": "{url}"}),
    ],
)
def test_a_callback_goes_wrong_when_it_is_told_to(
    sandbox: Sandbox, browser: ScriptedBrowser, fault: LoginFault, expected: dict[str, str]
) -> None:
    sandbox.controls.authorization.faults.add(fault)

    answer = callback_of(browser.press(browser.open(authorize_address(sandbox))))

    del answer["code"]
    assert answer == {name: value.format(url=sandbox.url) for name, value in expected.items()}


def test_what_was_asked_is_remembered_without_being_shown(sandbox: Sandbox, program: LoginRequests) -> None:
    controls = sandbox.controls.authorization
    program.code(login_hint="ada")

    assert controls.requests_at(Endpoint.AUTHORIZE) == 2
    first, _ = controls.asked_at(Endpoint.AUTHORIZE)
    assert first.fields["login_hint"] == "ada"
    assert first.headers["host"] == f"127.0.0.1:{sandbox.port}"
    assert "ada" not in repr(first)
    assert controls.asked_at(Endpoint.TOKEN) == ()


def test_the_address_is_built_like_a_form(sandbox: Sandbox, browser: ScriptedBrowser) -> None:
    redirect = browser.press(browser.open(authorize_address(sandbox, state="+ &=%é")))

    assert parse_qs(urlsplit(redirect.headers["location"]).query)["state"] == ["+ &=%é"]

"""The authorization code grant with PKCE: what is asked for, and which answers count."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.authorization import (
    AuthorizationAttempt,
    Callback,
    CodeGranted,
    Denied,
    WrongIssuer,
    authorization_address,
    code_challenge,
    code_of,
    code_request,
    judge_callback,
    judge_pasted,
)
from domain.errors import LoginFailedError
from domain.oauth2 import ClientAuthentication, OAuth2Client

ATTEMPT = AuthorizationAttempt(
    state="the-state", nonce="the-nonce", code_verifier="v" * 43, redirect_uri="http://127.0.0.1:5000/callback"
)
CLIENT = OAuth2Client(token_endpoint="https://as.example/token", client_id="the client")
ISSUER = "https://as.example"


def judged(issuer: str | None = ISSUER, *, names_itself: bool = False, **query: str) -> Callback | None:
    return judge_callback(urlencode(query), ATTEMPT, issuer=issuer, names_itself=names_itself)


def outcome(answer: Callback | None) -> str:
    assert answer is not None
    return code_of(answer)


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_address_asks_for_a_code_with_all_that_binds_the_answer_to_us() -> None:
    address = authorization_address("https://as.example/auth", CLIENT, ATTEMPT, scope="openid offline_access")
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://as.example/auth"
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["the client"],
        "redirect_uri": ["http://127.0.0.1:5000/callback"],
        "scope": ["openid offline_access"],
        "state": ["the-state"],
        "nonce": ["the-nonce"],
        "code_challenge": [code_challenge("v" * 43)],
        "code_challenge_method": ["S256"],
    }


def test_a_query_of_the_endpoint_is_kept_and_a_prompt_is_added() -> None:
    address = authorization_address(
        "https://as.example/auth?tenant=a", CLIENT, ATTEMPT, scope="openid", prompt="consent"
    )
    query = parse_qs(urlsplit(address).query)
    assert (query["tenant"], query["prompt"]) == (["a"], ["consent"])


def test_the_code_is_sent_with_its_verifier_and_the_same_redirect_address() -> None:
    request = code_request(CLIENT, "the-code", ATTEMPT)
    assert request.url == "https://as.example/token"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": ["http://127.0.0.1:5000/callback"],
        "code_verifier": ["v" * 43],
        "client_id": ["the client"],
    }


def test_a_confidential_client_proves_itself_with_the_code_too() -> None:
    client = OAuth2Client(
        token_endpoint="t", client_id="c", client_secret="s", authentication=ClientAuthentication.BASIC
    )
    request = code_request(client, "the-code", ATTEMPT)
    assert dict(request.headers)["Authorization"].startswith("Basic ")
    assert b"client_id" not in request.body


def test_the_answer_to_this_attempt_is_its_code() -> None:
    assert judged(state="the-state", code="c") == CodeGranted(code="c")


@pytest.mark.parametrize(
    "query",
    [
        {"code": "c"},
        {"code": "c", "state": ""},
        {"code": "c", "state": "another"},
        {"state": "the-state"},
        {"state": "the-state", "code": ""},
        {"error": "access_denied"},
        {"error": "access_denied", "state": "another"},
    ],
)
def test_what_does_not_bear_the_state_or_no_answer_is_a_stranger(query: dict[str, str]) -> None:
    assert judge_callback(urlencode(query), ATTEMPT, issuer=None, names_itself=False) is None


def test_a_parameter_that_comes_twice_makes_no_answer() -> None:
    query = "state=the-state&code=a&code=b"
    assert judge_callback(query, ATTEMPT, issuer=None, names_itself=False) is None


def test_a_query_without_end_makes_no_answer() -> None:
    assert judge_callback("a=1&" * 60, ATTEMPT, issuer=None, names_itself=False) is None


@given(st.text())
def test_no_query_makes_it_fail_and_none_is_taken_by_luck(query: str) -> None:
    assert judge_callback(query, ATTEMPT, issuer=ISSUER, names_itself=True) is None


@pytest.mark.parametrize(("given_issuer", "names_itself"), [("https://evil.example", False), ("", True)])
def test_an_answer_of_another_server_is_a_mix_up(given_issuer: str, names_itself: bool) -> None:
    answer = judged(names_itself=names_itself, state="the-state", code="c", iss=given_issuer)
    assert answer == WrongIssuer(given=given_issuer, expected=ISSUER)
    with pytest.raises(LoginFailedError, match="RFC 9207"):
        outcome(answer)


def test_the_right_issuer_is_taken_and_an_unknown_one_cannot_be_checked() -> None:
    assert judged(names_itself=True, state="the-state", code="c", iss=ISSUER) == CodeGranted(code="c")
    assert judged(None, state="the-state", code="c", iss="whoever") == CodeGranted(code="c")
    assert judged(state="the-state", code="c") == CodeGranted(code="c")


def test_a_denial_is_told_as_such_and_without_what_could_steer_a_terminal() -> None:
    answer = judged(state="the-state", error="access_denied", error_description="no\x1b[31m\nway")
    assert answer == Denied(error="access_denied", description="no [31m way")
    with pytest.raises(LoginFailedError, match=re.escape("declined in the browser (no [31m way)")) as caught:
        outcome(answer)
    assert "拒绝" in caught.value.text.zh


def test_any_other_error_names_what_to_check() -> None:
    answer = judged(state="the-state", error="invalid_scope")
    with pytest.raises(LoginFailedError, match=r"\(invalid_scope\).*OAUTH_SCOPE"):
        outcome(answer)


@pytest.mark.parametrize(
    "pasted",
    [
        "http://127.0.0.1:5000/callback?code=c&state=the-state",
        "  http://127.0.0.1:5000/callback?state=the-state&\n code=c#fragment ",
        "code=c&state=the-state",
        "?code=c&state=the-state",
        '"http://127.0.0.1:5000/callback?state=the-state&code=c"',
        "<http://127.0.0.1:5000/callback?state=the-state&code=c>",
        "c",
    ],
)
def test_what_is_pasted_may_be_the_address_its_query_or_the_code(pasted: str) -> None:
    assert judge_pasted(pasted, ATTEMPT, issuer=ISSUER, names_itself=False) == CodeGranted(code="c")


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "http://127.0.0.1:5000/callback",
        "http://127.0.0.1:5000/callback?code=c",
        "code=c&state=another",
        "密码",
    ],
)
def test_what_is_pasted_is_checked_like_a_callback(pasted: str) -> None:
    assert judge_pasted(pasted, ATTEMPT, issuer=ISSUER, names_itself=False) is None


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(ATTEMPT) + repr(CodeGranted(code="the-code"))
    assert not any(secret in shown for secret in ("the-state", "the-nonce", "vvv", "the-code"))

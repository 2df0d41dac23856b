"""The rules of RFC 6749 sections 5 and 6, as values."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.http import HttpResponse
from domain.oauth2 import (
    DEFAULT_LIFETIME,
    LONGEST_LIFETIME,
    AnswerKind,
    ClientAuthentication,
    OAuth2Client,
    read_answer,
    refresh_request,
    renew,
)
from domain.tokens import (
    RefreshPolicy,
    Setback,
    TokenSet,
    TokenState,
    begin_attempt,
    fingerprint,
    parse_expires_at,
    refuse,
    set_back,
    settle_attempt,
)

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
POLICY = RefreshPolicy()
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def answer(document: Any, status: int = 200) -> HttpResponse:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return HttpResponse(status=status, body=body)


def token(left: timedelta, lifetime: timedelta) -> TokenSet:
    expires_at = NOON + left
    return TokenSet(access_token="at", refresh_token="rt", expires_at=expires_at, issued_at=expires_at - lifetime)


@pytest.mark.parametrize(
    ("left", "lifetime", "state"),
    [
        (timedelta(minutes=30), timedelta(hours=1), TokenState.FRESH),
        (timedelta(minutes=5, seconds=1), timedelta(hours=1), TokenState.FRESH),
        (timedelta(minutes=5), timedelta(hours=1), TokenState.STALE),
        (timedelta(seconds=1.9), timedelta(hours=1), TokenState.EXPIRED),
        (timedelta(seconds=-1), timedelta(hours=1), TokenState.EXPIRED),
        # Short-lived tokens: a fifth of their life, not a fixed minute that would never end.
        (timedelta(seconds=1.9), timedelta(seconds=2), TokenState.FRESH),
        (timedelta(seconds=0.4), timedelta(seconds=2), TokenState.STALE),
        (timedelta(seconds=0.04), timedelta(seconds=2), TokenState.EXPIRED),
    ],
)
def test_a_token_ages_from_fresh_to_stale_to_expired_in_proportion_to_its_life(
    left: timedelta, lifetime: timedelta, state: TokenState
) -> None:
    assert token(left, lifetime).state(NOON, POLICY) is state


def test_a_token_without_a_known_end_counts_as_expired() -> None:
    assert TokenSet(access_token="at").state(NOON, POLICY) is TokenState.EXPIRED


@given(st.floats(0, 1), st.integers(1, 864_000))
def test_jitter_only_ever_makes_the_lead_shorter_and_by_at_most_15_percent(jitter: float, seconds: int) -> None:
    lifetime = timedelta(seconds=seconds)
    full, drawn = RefreshPolicy().lead(lifetime), RefreshPolicy(jitter=jitter).lead(lifetime)
    assert full * 0.849 <= drawn <= full


@given(VISIBLE, VISIBLE)
def test_a_refresh_request_carries_any_legal_token_through_form_encoding(refresh_token: str, client_id: str) -> None:
    client = OAuth2Client(token_endpoint="https://as.example/oauth2/v1/token", client_id=client_id)
    form = parse_qs(refresh_request(client, refresh_token).body.decode(), strict_parsing=True)
    assert form == {"grant_type": ["refresh_token"], "refresh_token": [refresh_token], "client_id": [client_id]}


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (3349, timedelta(seconds=3349)),
        ("3600", timedelta(hours=1)),
        (1.5, timedelta(seconds=1.5)),
        (10**12, LONGEST_LIFETIME),
        (0, None),
        (-5, None),
        (True, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ([], None),
        (None, None),
        (10**400, None),
    ],
)
def test_expires_in_is_read_as_number_or_string_and_ignored_when_absurd(
    expires_in: object, lifetime: timedelta | None
) -> None:
    read = read_answer(answer({"access_token": "a", "token_type": "Bearer", "expires_in": expires_in}))
    assert (read.kind, read.lifetime) == (AnswerKind.GRANTED, lifetime)


def test_without_expires_in_the_life_of_a_jwt_is_its_exp_less_its_iat_and_else_an_hour() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 100, "exp": 400}).encode()).decode().rstrip("=")
    read = read_answer(answer({"access_token": f"h.{claims}.s"}))
    assert read.lifetime == timedelta(seconds=300)
    plain = read_answer(answer({"access_token": "opaque"}))
    assert renew(TokenSet(), plain, begun=NOON, now=NOON).expires_at == NOON + DEFAULT_LIFETIME


@pytest.mark.parametrize("middle", ["!!!", "e30", base64.urlsafe_b64encode(b"[1]").decode(), "ü"])
def test_a_token_that_only_looks_like_a_jwt_does_no_harm(middle: str) -> None:
    assert read_answer(answer({"access_token": "opaque.e30.x"})).lifetime is None
    assert read_answer(answer({"access_token": f"h.{middle}.s"})).kind in set(AnswerKind)


def test_no_new_refresh_token_means_that_the_old_one_stays() -> None:
    renewed = renew(TokenSet(refresh_token="old"), read_answer(answer({"access_token": "a"})), begun=NOON, now=NOON)
    assert renewed.refresh_token == "old"
    rotated = renew(
        TokenSet(refresh_token="old"),
        read_answer(answer({"access_token": "a", "refresh_token": "new"})),
        begun=NOON,
        now=NOON,
    )
    assert rotated.refresh_token == "new"


@pytest.mark.parametrize(
    ("document", "status", "kind"),
    [
        ({"error": "invalid_grant"}, 400, AnswerKind.LOGIN_REQUIRED),
        ({"error": "invalid_token"}, 401, AnswerKind.LOGIN_REQUIRED),
        ({"error": "invalid_client"}, 401, AnswerKind.MISCONFIGURED),
        ({"error": "unauthorized_client"}, 400, AnswerKind.MISCONFIGURED),
        ({"error": "unsupported_grant_type"}, 400, AnswerKind.MISCONFIGURED),
        ({"error": "invalid_scope"}, 400, AnswerKind.MISCONFIGURED),
        ({"error": "server_error"}, 400, AnswerKind.UNAVAILABLE),
        ({"error": "invalid_grant"}, 500, AnswerKind.UNKNOWN),
        (b"<html>Bad gateway</html>", 502, AnswerKind.UNKNOWN),
        (b"<html>Please log in</html>", 200, AnswerKind.UNKNOWN),
        (b"", 200, AnswerKind.UNKNOWN),
        (b"\xff\xfe", 200, AnswerKind.UNKNOWN),
        (b"[" * 100_000, 200, AnswerKind.UNKNOWN),
        ([], 200, AnswerKind.UNKNOWN),
        ({"token_type": "Bearer"}, 200, AnswerKind.UNKNOWN),
        ({"access_token": ""}, 200, AnswerKind.UNKNOWN),
        ({"access_token": 7}, 200, AnswerKind.UNKNOWN),
        ({"access_token": "line\nbreak"}, 200, AnswerKind.UNKNOWN),
        ({"access_token": "a", "token_type": "DPoP"}, 200, AnswerKind.UNKNOWN),
        ({"access_token": "a"}, 302, AnswerKind.UNAVAILABLE),
        ({"access_token": "a"}, 201, AnswerKind.GRANTED),
        (b"slow down", 429, AnswerKind.UNAVAILABLE),
        (b"later", 503, AnswerKind.UNAVAILABLE),
        (b"", 504, AnswerKind.UNKNOWN),
        ({"access_token": "a", "token_type": "bearer"}, 200, AnswerKind.GRANTED),
    ],
)
def test_an_answer_is_a_grant_a_dead_login_a_refused_client_trouble_or_an_unknown_outcome(
    document: Any, status: int, kind: AnswerKind
) -> None:
    assert read_answer(answer(document, status)).kind is kind


def test_a_new_refresh_token_is_kept_even_when_no_access_token_came_with_it() -> None:
    assert read_answer(answer({"refresh_token": "new"})).refresh_token == "new"


def test_an_error_description_is_shown_on_one_short_line() -> None:
    read = read_answer(answer({"error": "invalid_grant", "error_description": "gone\nfor good" + "x" * 999}, 400))
    assert read.why.startswith("invalid_grant: gone for good")
    assert len(read.why) < 350
    assert "\n" not in read.why


@given(st.binary(max_size=300), st.integers(100, 599))
def test_no_answer_whatever_raises(body: bytes, status: int) -> None:
    assert read_answer(HttpResponse(status=status, body=body)).kind in set(AnswerKind)


def test_no_repr_shows_a_secret() -> None:
    tokens = TokenSet(refresh_token="s3cret-r", access_token="s3cret-a")
    read = read_answer(answer({"access_token": "s3cret-a", "refresh_token": "s3cret-r"}))
    client = OAuth2Client(token_endpoint="https://as.example", client_id="c")
    request = refresh_request(client, "s3cret-r").authorized("s3cret-a")
    for value in (tokens, read, request, answer({"access_token": "s3cret-a"})):
        assert "s3cret" not in repr(value)


def test_each_failure_in_a_row_makes_the_pause_longer_and_the_first_costs_none() -> None:
    tokens = TokenSet(refresh_token="rt")
    pauses: list[timedelta] = []
    for _ in range(12):
        tokens = set_back(tokens, "rt", reason="r", now=NOON, wait=timedelta(0))
        assert tokens.setback is not None
        assert tokens.setback.until is not None
        pauses.append(tokens.setback.until - NOON)
    assert pauses[0] == timedelta(0)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(seconds=30)


def test_a_setback_binds_its_own_refresh_token_only() -> None:
    dead = refuse(TokenSet(refresh_token="old"), "old", reason="invalid_grant", now=NOON)
    assert dead.current_setback(NOON + timedelta(days=99)) == dead.setback
    fresh = TokenSet(refresh_token="new", setback=dead.setback)
    assert fresh.current_setback(NOON) is None


def test_a_setback_ends_when_its_time_has_come() -> None:
    setback = Setback(fingerprint=fingerprint("rt"), reason="r", at=NOON, until=NOON + timedelta(seconds=2))
    tokens = TokenSet(refresh_token="rt", setback=setback)
    assert tokens.current_setback(NOON + timedelta(seconds=1)) is setback
    assert tokens.current_setback(NOON + timedelta(seconds=2)) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T12:00:00+00:00", NOON),
        ("2026-01-02T12:00:00Z", NOON),
        ("2026-01-02T14:00:00+02:00", NOON),
        ("2026-01-02T12:00:00", NOON),
        (" 1767355200 ", NOON),
        ("tomorrow", None),
        ("", None),
        ("inf", None),
        ("1e400", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_a_stored_time_is_read_in_any_form_that_was_ever_written(text: str, moment: datetime | None) -> None:
    assert parse_expires_at(text) == moment


def form_of(client: OAuth2Client) -> dict[str, list[str]]:
    return parse_qs(refresh_request(client, "rt").body.decode(), strict_parsing=True)


def test_a_confidential_client_proves_itself_in_the_header_or_in_the_form_but_never_in_both() -> None:
    basic = OAuth2Client(
        token_endpoint="t", client_id="a b", client_secret="s:c%", authentication=ClientAuthentication.BASIC
    )
    (authorization,) = [value for name, value in refresh_request(basic, "rt").headers if name == "Authorization"]
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"a+b:s%3Ac%25"
    assert "client_id" not in form_of(basic)
    assert "client_secret" not in form_of(basic)
    post = OAuth2Client(token_endpoint="t", client_id="c", client_secret="s", authentication=ClientAuthentication.POST)
    assert (form_of(post)["client_id"], form_of(post)["client_secret"]) == (["c"], ["s"])
    assert "Authorization" not in dict(refresh_request(post, "rt").headers)
    assert "s:c%" not in repr(basic)


def test_a_scope_is_asked_for_when_it_is_set() -> None:
    assert form_of(OAuth2Client(token_endpoint="t", client_id="c", scope="openid offline_access"))["scope"] == [
        "openid offline_access"
    ]


def test_a_clock_that_was_set_back_makes_a_token_stale_and_not_immortal() -> None:
    fresh = token(timedelta(minutes=30), timedelta(hours=1))
    assert fresh.state(NOON - timedelta(hours=2), POLICY) is TokenState.STALE


def test_requests_without_an_answer_are_counted_for_one_refresh_token_and_settled_one_by_one() -> None:
    tokens = begin_attempt(begin_attempt(TokenSet(refresh_token="rt"), "rt", now=NOON), "rt", now=NOON)
    assert tokens.unanswered == 2
    assert settle_attempt(tokens).unanswered == 1
    assert settle_attempt(settle_attempt(tokens)).attempt is None
    assert replace(tokens, refresh_token="another").unanswered == 0


def test_a_token_counts_from_when_it_was_asked_for_but_not_from_before_a_quarter_of_its_life() -> None:
    hour = read_answer(answer({"access_token": "a", "expires_in": 3600}))
    assert renew(TokenSet(), hour, begun=NOON, now=NOON + timedelta(seconds=9)).expires_at == NOON + timedelta(hours=1)
    short = read_answer(answer({"access_token": "a", "expires_in": 2}))
    late = renew(TokenSet(), short, begun=NOON, now=NOON + timedelta(seconds=3))
    assert late.expires_at == NOON + timedelta(seconds=4.5)


@pytest.mark.parametrize("form", ["rt+/=", "rt%2B%2F%3D"])
@pytest.mark.parametrize("key", ["error", "error_description"])
def test_a_secret_that_the_server_repeats_is_not_repeated_by_us(form: str, key: str) -> None:
    document = {"error": "invalid_request", key: f"bad token {form} given"}
    assert form not in read_answer(answer(document, 400), secrets=["rt+/="]).why


def test_a_pair_that_came_with_another_success_status_is_kept() -> None:
    read = read_answer(answer({"access_token": "a", "refresh_token": "r"}, 201))
    assert (read.kind, read.refresh_token) == (AnswerKind.GRANTED, "r")

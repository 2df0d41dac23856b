from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.token_store.notebook import Notebook
from domain.tokens import TokenSet, begin_attempt, refuse, set_back

NOW = datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)
TOKENS = TokenSet(refresh_token="the refresh token", access_token="the access token", issued_at=NOW)

MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(issued_at=MOMENTS, reason=st.text(), attempts=st.integers(1, 9))
def test_what_was_noted_is_read(issued_at: datetime, reason: str, attempts: int) -> None:
    tokens = set_back(TOKENS, "the refresh token", reason=reason, now=NOW, wait=timedelta(seconds=7))
    assert tokens.setback is not None
    setback = replace(tokens.setback, attempts=attempts)
    notebook = Notebook.of(replace(tokens, issued_at=issued_at, setback=setback))
    assert Notebook.decode(notebook.encode()) == notebook


def test_a_dead_refresh_token_stays_dead() -> None:
    notebook = Notebook.of(refuse(TOKENS, "the refresh token", reason="invalid_grant", now=NOW))
    assert Notebook.decode(notebook.encode()).setback_of("the refresh token") == notebook.setback


def test_no_token_is_written() -> None:
    data = Notebook.of(refuse(TOKENS, "the refresh token", reason="invalid_grant", now=NOW)).encode()
    assert b"the refresh token" not in data
    assert b"the access token" not in data


def test_notes_hold_for_their_own_tokens_only() -> None:
    notebook = Notebook.of(refuse(TOKENS, "the refresh token", reason="invalid_grant", now=NOW))
    assert notebook.issued_at_of("the access token") == NOW
    assert notebook.issued_at_of("another") is None
    assert notebook.issued_at_of(None) is None
    assert notebook.setback_of("another") is None
    assert notebook.setback_of(None) is None


@settings(deadline=None)
@given(data=st.one_of(st.binary(), st.just(b"[]"), st.just(b"[" * 99_999), st.just(b'{"setback": 1}')))
def test_garbage_is_an_empty_notebook(data: bytes) -> None:
    assert Notebook.decode(data) == Notebook()


@pytest.mark.parametrize(
    "spoilt", [b'"until": "soon"', b'"at": 5', b'"reason": null', b'"attempts": "1"', b'"refresh_token": []']
)
def test_a_spoilt_setback_is_none(spoilt: bytes) -> None:
    waiting = set_back(TOKENS, "the refresh token", reason="r", now=NOW, wait=timedelta(0))
    # A later key takes the place of an earlier one.
    data = Notebook.of(waiting).encode().replace(b"}, ", b", " + spoilt + b"}, ")
    assert Notebook.decode(data).setback is None


def test_an_attempt_is_kept_with_its_count() -> None:
    begun = begin_attempt(begin_attempt(TOKENS, "the refresh token", now=NOW), "the refresh token", now=NOW)
    assert Notebook.decode(Notebook.of(begun).encode()).applied_to(TOKENS).attempt == begun.attempt
    other = replace(TOKENS, refresh_token="another")
    assert Notebook.of(begun).applied_to(other).attempt is None


@pytest.mark.parametrize("spoilt", [b'"at": 5', b'"unanswered": 0', b'"unanswered": null', b'"refresh_token": 1'])
def test_a_spoilt_attempt_is_none(spoilt: bytes) -> None:
    begun = begin_attempt(TOKENS, "the refresh token", now=NOW)
    data = Notebook.of(begun).encode().replace(b"}}", b", " + spoilt + b"}}")
    assert Notebook.decode(data).attempt is None

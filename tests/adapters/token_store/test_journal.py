from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.token_store.journal import Journal, is_spent
from domain.tokens import TokenSet, begin_attempt, fingerprint, refuse, set_back
from tests.contracts.token_store import ISSUED_AT, login

NEWEST = Journal().followed_by(login(2), spent=[fingerprint("refresh-1")], covers="refresh-1")


def shown(refresh_token: str | None) -> TokenSet:
    return TokenSet(refresh_token=refresh_token, access_token="shown")


TOKENS = st.builds(
    TokenSet,
    refresh_token=st.none() | st.text(),
    access_token=st.text(),
    expires_at=st.none() | st.datetimes(timezones=st.just(ISSUED_AT.tzinfo)),
    issued_at=st.none() | st.datetimes(timezones=st.just(ISSUED_AT.tzinfo)),
)


@given(tokens=TOKENS, spent=st.lists(st.text(max_size=16), max_size=4), reached=st.booleans())
def test_what_was_encoded_is_decoded(tokens: TokenSet, spent: list[str], reached: bool) -> None:
    noted = tokens
    if tokens.refresh_token is not None:
        noted = refuse(tokens, tokens.refresh_token, reason="invalid_grant", now=ISSUED_AT)
        noted = begin_attempt(noted, tokens.refresh_token, now=ISSUED_AT)
    journal = Journal().followed_by(noted, spent=spent, covers="x")
    journal = journal.arrived() if reached else journal
    assert Journal.decode(journal.encode()) == journal
    assert b"\n" not in journal.encode()


@settings(deadline=None)
@given(data=st.binary() | st.sampled_from([b"[]", b"[" * 99_999, b"{}", b'{"login": {}, "covers": "", "reached": 1}']))
def test_garbage_is_an_empty_journal(data: bytes) -> None:
    assert Journal.decode(data) == Journal()


@pytest.mark.parametrize("spoilt", [b'"spent": 5', b'"spent": [1]', b'"notes": []'])
def test_what_is_spoilt_costs_no_login(spoilt: bytes) -> None:
    # A later key takes the place of an earlier one.
    data = NEWEST.encode()[:-1] + b", " + spoilt + b"}"
    assert Journal.decode(data).tokens.refresh_token == "refresh-2"


class TestWhichLoginCounts:
    @pytest.mark.parametrize("journal", [NEWEST, NEWEST.arrived()])
    def test_one_with_a_spent_refresh_token_does_not(self, journal: Journal) -> None:
        assert journal.seen_over(shown("refresh-1")) == login(2)

    @pytest.mark.parametrize("journal", [NEWEST, NEWEST.arrived()])
    def test_an_unknown_one_does(self, journal: Journal) -> None:
        assert journal.seen_over(shown("pasted")) == shown("pasted")

    def test_none_at_all_is_a_logout_of_a_login_that_was_there(self) -> None:
        assert NEWEST.arrived().seen_over(shown(None)) == shown(None)
        assert NEWEST.seen_over(shown(None)) == login(2)

    def test_what_was_in_its_place_gives_way_until_it_has_been_written_and_can_be_pasted_back_then(self) -> None:
        journal = Journal().followed_by(login(2), spent=(), covers="put aside")
        assert journal.seen_over(shown("put aside")) == login(2)
        assert journal.arrived().seen_over(shown("put aside")) == shown("put aside")

    def test_an_access_token_put_in_by_hand_does(self) -> None:
        assert NEWEST.arrived().seen_over(shown("refresh-2")) == shown("refresh-2")

    def test_an_empty_journal_outdates_nothing(self) -> None:
        for refresh_token in (None, "any"):
            assert not Journal().outdates(shown(refresh_token))


class TestSpent:
    def test_is_what_was_sent_without_an_answer_that_spares_it(self) -> None:
        assert is_spent(begin_attempt(login(1), "refresh-1", now=ISSUED_AT))

    def test_is_what_was_refused(self) -> None:
        assert is_spent(refuse(login(1), "refresh-1", reason="invalid_grant", now=ISSUED_AT))

    def test_is_not_what_was_never_sent_or_only_has_to_wait(self) -> None:
        assert not is_spent(login(1))
        assert not is_spent(TokenSet())
        assert not is_spent(set_back(login(1), "refresh-1", reason="503", now=ISSUED_AT, wait=timedelta(seconds=1)))
        other = refuse(login(1), "refresh-1", reason="invalid_grant", now=ISSUED_AT)
        assert not is_spent(replace(other, refresh_token="refresh-2"))

    def test_is_remembered_for_fifty_rotations(self) -> None:
        journal = Journal()
        for number in range(120):
            journal = journal.followed_by(login(number + 1), spent=[fingerprint(f"refresh-{number}")], covers=None)
        assert journal.spent == tuple(fingerprint(f"refresh-{number}") for number in range(70, 120))

    def test_is_not_what_the_server_has_issued_again(self) -> None:
        again = NEWEST.followed_by(login(1), spent=[fingerprint("refresh-2")], covers="refresh-2")
        assert again.spent == (fingerprint("refresh-2"),)


def test_notes_are_kept_of_the_own_refresh_token_only() -> None:
    foreign = begin_attempt(refuse(login(1), "another", reason="r", now=ISSUED_AT), "another", now=ISSUED_AT)
    journal = Journal().followed_by(foreign, spent=(), covers=None)
    assert journal.tokens == login(1)


def test_the_repr_of_a_journal_shows_no_token() -> None:
    assert "refresh-2" not in repr(NEWEST)
    assert "access-2" not in repr(NEWEST)

"""Counting what happens to a login."""

from adapters.token_journal.counting import CountingTokenJournal
from domain.token_events import TokenEvent, TokenEventKind


def test_each_event_is_counted_by_its_name_and_those_that_have_not_happened_are_zero() -> None:
    journal = CountingTokenJournal()
    journal.record(TokenEvent(kind=TokenEventKind.REFRESHED))
    journal.record(TokenEvent(kind=TokenEventKind.REFRESHED))
    journal.record(TokenEvent(kind=TokenEventKind.DEAD))
    counts = journal.counts()
    assert set(counts) == {kind.value for kind in TokenEventKind}
    assert (counts["refreshed"], counts["dead"], counts["failed"]) == (2, 1, 0)

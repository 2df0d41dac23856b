"""One journal that tells several."""

from adapters.token_journal.several import SeveralTokenJournals
from domain.token_events import TokenEvent, TokenEventKind
from tests.fakes.token_journal import FakeTokenJournal


def test_each_journal_hears_of_each_event_in_order() -> None:
    first, second = FakeTokenJournal(), FakeTokenJournal()
    events = [TokenEvent(kind=TokenEventKind.FAILED), TokenEvent(kind=TokenEventKind.REFRESHED)]
    journal = SeveralTokenJournals(first, second)
    for event in events:
        journal.record(event)
    assert first.events == second.events == events

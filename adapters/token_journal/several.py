"""One journal that tells several."""

from domain.token_events import TokenEvent
from ports.token_journal import TokenJournal


class SeveralTokenJournals:
    """Implements ports.token_journal.TokenJournal: each of `journals` is told of each event."""

    def __init__(self, *journals: TokenJournal) -> None:
        self._journals = journals

    def record(self, event: TokenEvent) -> None:
        for journal in self._journals:
            journal.record(event)

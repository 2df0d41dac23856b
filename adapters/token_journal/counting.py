"""How often each event of a login has happened in this process."""

from collections import Counter
from collections.abc import Mapping

from domain.token_events import TokenEvent, TokenEventKind


class CountingTokenJournal:
    """Implements ports.token_journal.TokenJournal."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter({kind.value: 0 for kind in TokenEventKind})

    def record(self, event: TokenEvent) -> None:
        self._counts[event.kind.value] += 1

    def counts(self) -> Mapping[str, int]:
        """By the event's name; those that have not happened are there, too."""
        return dict(self._counts)

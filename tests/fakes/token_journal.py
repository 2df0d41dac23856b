"""A journal and a history that keep what they are told."""

from domain.token_events import HistoryEntry, TokenEvent
from ports.clock import Clock
from tests.fakes.clock import FakeClock


class FakeTokenJournal:
    def __init__(self) -> None:
        self.events: list[TokenEvent] = []

    def record(self, event: TokenEvent) -> None:
        self.events.append(event)


class FakeTokenHistory:
    """A history of one process, `oca serve` with the number 7."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.entries: list[HistoryEntry] = []
        self._clock = clock or FakeClock()

    def record(self, event: TokenEvent) -> None:
        self.entries.append(
            HistoryEntry(event=event, at=self._clock.now(), pid=7, program="oca serve", host="here.example")
        )

    def recent(self, limit: int) -> tuple[HistoryEntry, ...]:
        return tuple(self.entries[-limit:]) if limit > 0 else ()

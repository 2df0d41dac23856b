"""Where the events of a login are told, and where they can be looked up afterwards."""

from typing import Protocol

from domain.token_events import HistoryEntry, TokenEvent


class TokenJournal(Protocol):
    """Takes note of what happens to a login. Never raises, never waits."""

    def record(self, event: TokenEvent) -> None: ...


class TokenHistory(Protocol):
    """Remembers what has happened to a login, whichever process it happened in."""

    def recent(self, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest `limit` entries, the oldest of them first. Never raises: what cannot be read is not there."""
        ...

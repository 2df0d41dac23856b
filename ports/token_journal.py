"""Where the events of a login are told."""

from typing import Protocol

from domain.token_events import TokenEvent


class TokenJournal(Protocol):
    """Takes note of what happens to a login. Never raises, never waits."""

    def record(self, event: TokenEvent) -> None: ...

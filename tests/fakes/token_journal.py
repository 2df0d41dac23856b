"""A journal that keeps what it is told."""

from domain.token_events import TokenEvent


class FakeTokenJournal:
    def __init__(self) -> None:
        self.events: list[TokenEvent] = []

    def record(self, event: TokenEvent) -> None:
        self.events.append(event)

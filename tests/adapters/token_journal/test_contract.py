"""What holds for every history, the fake one included."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from adapters.token_journal.history import FileTokenHistory
from domain.token_events import TokenEvent, TokenEventKind
from ports.clock import Clock
from ports.token_journal import TokenHistory, TokenJournal
from tests.fakes.clock import FakeClock
from tests.fakes.token_journal import FakeTokenHistory


class Both(TokenJournal, TokenHistory, Protocol):
    """What is told, and what can be looked up."""


Make = Callable[[Clock], Both]
EVENTS = [
    TokenEvent(
        kind=TokenEventKind.REFRESHED,
        refresh_token_fingerprint="ab12",
        rotated=True,
        took_seconds=1.25,
        clock_skew_seconds=-0.5,
    ),
    TokenEvent(kind=TokenEventKind.FAILED, why="status 503", refresh_token_fingerprint="cd34"),
    TokenEvent(kind=TokenEventKind.UNSAVED, why="The disk is full.", refresh_token_fingerprint="cd34"),
    TokenEvent(kind=TokenEventKind.DEAD, why="invalid_grant: 注销", refresh_token_fingerprint="cd34"),
]


@pytest.fixture(params=["file", "fake"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "fake":
        return FakeTokenHistory
    return lambda clock: FileTokenHistory(env_file=tmp_path / ".env", clock=clock)


def test_what_was_told_can_be_looked_up_with_its_time_the_oldest_first(make: Make) -> None:
    clock = FakeClock()
    begun = clock.now()
    history = make(clock)
    for event in EVENTS:
        history.record(event)
        clock.advance(timedelta(seconds=1, microseconds=7))
    entries = history.recent(10)
    assert [entry.event for entry in entries] == EVENTS
    assert [entry.at - begun for entry in entries] == [n * timedelta(seconds=1, microseconds=7) for n in range(4)]
    assert all(entry.pid and entry.program and entry.host for entry in entries)


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 99])
def test_no_more_than_the_newest_are_handed_out(make: Make, limit: int) -> None:
    history = make(FakeClock())
    for event in EVENTS:
        history.record(event)
    assert [entry.event for entry in history.recent(limit)] == EVENTS[max(len(EVENTS) - limit, 0) :]


def test_a_history_begins_empty(make: Make) -> None:
    assert make(FakeClock()).recent(5) == ()

"""What is told of a login, and how loudly."""

import pytest
from structlog.testing import capture_logs

from adapters.token_journal.log import LogTokenJournal
from domain.token_events import TokenEvent, TokenEventKind


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (TokenEventKind.REFRESHED, "info"),
        (TokenEventKind.FAILED, "warning"),
        (TokenEventKind.DEAD, "error"),
        (TokenEventKind.UNSAVED, "error"),
    ],
)
def test_each_kind_of_event_has_its_level(kind: TokenEventKind, level: str) -> None:
    with capture_logs() as lines:
        LogTokenJournal().record(TokenEvent(kind=kind, why="because", refresh_token_fingerprint="ab12"))
    (line,) = lines
    assert (line["log_level"], line["event"]) == (level, f"login {kind.value}")
    assert (line["fingerprint"], line["why"]) == ("ab12", "because")


def test_a_refresh_tells_how_long_it_took_and_whether_it_rotated() -> None:
    with capture_logs() as (lines):
        LogTokenJournal().record(TokenEvent(kind=TokenEventKind.REFRESHED, rotated=True, took_seconds=1.23456))
    assert (lines[0]["rotated"], lines[0]["took_s"]) == (True, 1.235)

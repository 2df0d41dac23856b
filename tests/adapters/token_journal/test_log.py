"""What is told of a login, and how loudly."""

import pytest
from structlog.testing import capture_logs

from adapters.token_journal.log import LogTokenJournal
from domain.token_events import TokenEvent, TokenEventKind


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (TokenEventKind.REFRESHED, "info"),
        (TokenEventKind.ADOPTED, "debug"),
        (TokenEventKind.FAILED, "warning"),
        (TokenEventKind.DEAD, "error"),
        (TokenEventKind.UNSAVED, "critical"),
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


def refreshed(clock_skew_seconds: float | None) -> TokenEvent:
    return TokenEvent(kind=TokenEventKind.REFRESHED, clock_skew_seconds=clock_skew_seconds)


@pytest.mark.parametrize(
    ("skew_seconds", "said"), [(95.4, "is 95 s behind the authorization"), (-3700.0, "is 3700 s ahead of the auth")]
)
def test_a_clock_that_is_far_off_is_told_of_once_with_what_to_do(skew_seconds: float, said: str) -> None:
    journal = LogTokenJournal()
    with capture_logs() as lines:
        for _ in range(3):
            journal.record(refreshed(skew_seconds))
    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert said in line["why"]
    assert "Set it" in line["why"]


@pytest.mark.parametrize("skew_seconds", [None, 0.0, 60.0, -60.0])
def test_a_clock_that_is_right_within_a_minute_is_no_matter(skew_seconds: float | None) -> None:
    with capture_logs() as lines:
        LogTokenJournal().record(refreshed(skew_seconds))
    assert [line["log_level"] for line in lines] == ["info"]

"""What happens to a login, as values fit for a log and for a history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from domain.words import Text

# The Date header has whole seconds and travels; a clock that is kept right is never this far off.
TOLERATED_CLOCK_SKEW = timedelta(minutes=1)


class TokenEventKind(Enum):
    """What can happen to a login."""

    REFRESHED = "refreshed"
    ADOPTED = "adopted"
    FAILED = "failed"
    DEAD = "dead"
    UNSAVED = "unsaved"
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEvent:
    """One event of the token lifecycle, fit for a log: it holds no token, at most the fingerprint of one.

    `refresh_token_fingerprint` names the refresh token that was sent. `clock_skew_seconds` is how far the server's
    clock (its Date header) is ahead of ours.
    """

    kind: TokenEventKind
    why: str = ""
    refresh_token_fingerprint: str = ""
    rotated: bool = False
    took_seconds: float = 0.0
    clock_skew_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An event as it was noted down: when (aware, UTC), and by which process of which machine.

    `program` is what that process calls itself, for example `oca serve`.
    """

    event: TokenEvent
    at: datetime
    pid: int
    program: str
    host: str


def clock_skew_warning(clock_skew_seconds: float | None) -> Text | None:
    """What to do about clocks that differ by `TokenEvent.clock_skew_seconds`; None when they agree, or nobody knows."""
    if clock_skew_seconds is None or abs(clock_skew_seconds) <= TOLERATED_CLOCK_SKEW.total_seconds():
        return None
    seconds = f"{abs(clock_skew_seconds):.0f}"
    direction = Text("behind", "慢") if clock_skew_seconds > 0 else Text("ahead of", "快")
    return Text(
        f"The clock of this machine is {seconds} s {direction.en} the authorization server's. "
        "Set it, best by switching on time synchronization: tokens are used and renewed by the clock.",
        f"本机的时钟比授权服务器{direction.zh} {seconds} 秒。"
        "请校准时钟，最好启用时间同步：令牌的使用和刷新都以时钟为准。",
    )

"""What happens to a login, as values fit for a log."""

from dataclasses import dataclass
from enum import Enum


class TokenEventKind(Enum):
    """What can happen to a login."""

    REFRESHED = "refreshed"
    ADOPTED = "adopted"
    FAILED = "failed"
    DEAD = "dead"
    UNSAVED = "unsaved"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEvent:
    """One event of the token lifecycle, fit for a log: it holds no token, at most the fingerprint of one.

    `clock_skew_seconds` is how far the server's clock (its Date header) is ahead of ours.
    """

    kind: TokenEventKind
    why: str = ""
    refresh_token_fingerprint: str = ""
    rotated: bool = False
    took_seconds: float = 0.0
    clock_skew_seconds: float | None = None

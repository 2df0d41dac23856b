"""A login's tokens as values, and the rules of their age: RFC 6749 section 1.5, RFC 9700 section 4.14."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import quote, quote_plus

# A first failure costs no pause, since the next attempt often works; later ones do, so that no storm builds up.
BACKOFF = tuple(timedelta(seconds=s) for s in (0, 0.5, 1, 2, 4, 8, 16, 30))


# A clock is set back by less than this without anybody noticing (time synchronization).
CLOCK_TOLERANCE = timedelta(minutes=1)


def fingerprint(secret: str) -> str:
    """A name for a secret that can be written down: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def conceal(text: str, secrets: Collection[str]) -> str:
    """The text with each of these secrets, as it is or percent-encoded, replaced by `***`."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret)} - {""}:
            text = text.replace(form, "***")
    return text


class TokenState(Enum):
    """FRESH: use it. STALE: use it, and renew it in the background. EXPIRED: renew it first."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPolicy:
    """When a token counts as STALE: `min(longest_lead, lead_fraction * lifetime)` before its end, plus jitter.

    A short-lived token gets more, up to a third of its life, so that a renewal of `usual_renewal` fits in.

    `jitter` (0 to 1) is drawn once per process and makes the lead up to 15 % shorter, so that of many processes one
    comes first. A token of unknown lifetime gets `unknown_lead`, which is short: a longer one would renew short-lived
    tokens without end.
    """

    longest_lead: timedelta = timedelta(minutes=5)
    lead_fraction: float = 0.2
    unknown_lead: timedelta = timedelta(seconds=0.5)
    usual_renewal: timedelta = timedelta(seconds=5)
    longest_margin: timedelta = timedelta(seconds=2)
    margin_fraction: float = 0.02
    jitter: float = 0.0

    def lead(self, lifetime: timedelta | None) -> timedelta:
        if lifetime is None:
            return self.unknown_lead
        least = min(self.usual_renewal, lifetime / 3)
        return min(self.longest_lead, max(lifetime * self.lead_fraction, least)) * (1 - 0.15 * self.jitter)

    def margin(self, lifetime: timedelta | None) -> timedelta:
        """How long before its end a token is no longer handed out: it must still survive the way to the upstream."""
        return timedelta(0) if lifetime is None else min(self.longest_margin, lifetime * self.margin_fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """What went wrong with one refresh token, so that the server is not asked again in vain.

    `reason` begins with the OAuth error code, where the server gave one.
    `until` is when it may be tried again; None means never: the server has refused it for good. `fingerprint` tells
    which refresh token is meant; another one in the store makes the setback void.
    """

    fingerprint: str
    reason: str
    at: datetime
    until: datetime | None
    attempts: int = 1

    def forbids(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A refresh token that was sent, and whose outcome nobody has written down: whoever sent it is at it, or died.

    `unanswered` counts the requests with it whose outcome is unknown, the one under way included. The server may have
    rotated the token in any of them.
    """

    fingerprint: str
    at: datetime
    unanswered: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """What a token store holds. Times are aware and UTC; `issued_at` is None when nobody wrote it down."""

    refresh_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    setback: Setback | None = None
    attempt: Attempt | None = None

    @property
    def lifetime(self) -> timedelta | None:
        if self.expires_at is None or self.issued_at is None:
            return None
        return max(self.expires_at - self.issued_at, timedelta(0))

    def state(self, now: datetime, policy: RefreshPolicy) -> TokenState:
        if self.access_token is None or self.expires_at is None:
            return TokenState.EXPIRED
        if self.issued_at is not None and now < self.issued_at - CLOCK_TOLERANCE:
            # The clock has been set back, so nobody knows how long the token lasts. It may be tried, and is renewed.
            return TokenState.STALE
        left = self.expires_at - now
        if left <= policy.margin(self.lifetime):
            return TokenState.EXPIRED
        return TokenState.STALE if left <= policy.lead(self.lifetime) else TokenState.FRESH

    def current_setback(self, now: datetime) -> Setback | None:
        """The setback that forbids a refresh right now, if there is one for this very refresh token."""
        if self.setback is None or self.refresh_token is None:
            return None
        if self.setback.fingerprint != fingerprint(self.refresh_token):
            return None
        return self.setback if self.setback.forbids(now) else None

    @property
    def unanswered(self) -> int:
        """How many requests with this very refresh token have an unknown outcome."""
        if self.attempt is None or self.refresh_token is None:
            return 0
        return self.attempt.unanswered if self.attempt.fingerprint == fingerprint(self.refresh_token) else 0

    def idle_for(self, now: datetime) -> timedelta | None:
        """How long ago the refresh token was last used; None when nobody wrote it down."""
        return None if self.issued_at is None else now - self.issued_at


def set_back(tokens: TokenSet, refresh_token: str, *, reason: str, now: datetime, wait: timedelta) -> TokenSet:
    """The same set after a failure that may pass: each one in a row doubles the pause, `wait` is its least length."""
    name = fingerprint(refresh_token)
    before = tokens.setback
    attempts = before.attempts + 1 if before is not None and before.fingerprint == name else 1
    pause = max(BACKOFF[min(attempts, len(BACKOFF)) - 1], wait)
    setback = Setback(fingerprint=name, reason=reason, at=now, until=now + pause, attempts=attempts)
    return replace(tokens, setback=setback)


def begin_attempt(tokens: TokenSet, refresh_token: str, *, now: datetime) -> TokenSet:
    """The same set, knowing that this refresh token is about to be sent."""
    attempt = Attempt(fingerprint=fingerprint(refresh_token), at=now, unanswered=tokens.unanswered + 1)
    return replace(tokens, attempt=attempt)


def settle_attempt(tokens: TokenSet) -> TokenSet:
    """The same set, after an answer that says for certain that the refresh token was not spent this time."""
    attempt = tokens.attempt
    if attempt is None or attempt.unanswered <= 1:
        return replace(tokens, attempt=None)
    return replace(tokens, attempt=replace(attempt, unanswered=attempt.unanswered - 1))


def refuse(tokens: TokenSet, refresh_token: str, *, reason: str, now: datetime) -> TokenSet:
    """The same set, knowing that this refresh token is dead."""
    setback = Setback(fingerprint=fingerprint(refresh_token), reason=reason, at=now, until=None)
    return replace(tokens, setback=setback)


def parse_expires_at(text: str) -> datetime | None:
    """Read a stored time: ISO 8601 (without an offset it is UTC) or seconds since the epoch; None for anything else."""
    stripped = text.strip()
    try:
        moment = datetime.fromisoformat(stripped)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        pass
    except OverflowError:
        return None
    try:
        return datetime.fromtimestamp(float(stripped), UTC)
    except (ValueError, OverflowError, OSError):
        return None

"""Device codes (RFC 8628): asked for by a program, allowed in a browser elsewhere, polled for at the token endpoint."""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from adapters.sandbox.logins import Grant, LoginLedger
from adapters.sandbox.oauth_errors import GrantRefusedError, OAuthError
from ports.clock import Clock

# RFC 8628 section 6.1: no vowels, so no words; 20 letters, eight of them.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
HALF = 4
# RFC 8628 section 3.5: by so much the interval grows with each `slow_down`.
SLOWER_BY = timedelta(seconds=5)


class Decision(Enum):
    PENDING = "pending"
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """What the user is shown."""

    client_id: str
    scopes: frozenset[str]
    user_code: str


@dataclass(slots=True, kw_only=True)
class _DeviceCode:
    request: DeviceRequest
    expires_at: datetime
    interval: timedelta
    polled_at: datetime | None = None
    decision: Decision = field(default=Decision.PENDING)
    spent: bool = False


class DeviceLedger:
    """All device codes of one sandbox. Safe to call from any thread."""

    def __init__(self, clock: Clock, logins: LoginLedger) -> None:
        self._clock = clock
        self._logins = logins
        self._lock = threading.Lock()
        self._codes: dict[str, _DeviceCode] = {}

    def issue(
        self, *, client_id: str, scopes: frozenset[str], lifetime: timedelta, interval: timedelta
    ) -> tuple[str, str]:
        """A new device code and its user code."""
        with self._lock:
            device_code = secrets.token_urlsafe(32)
            user_code = "-".join("".join(secrets.choice(LETTERS) for _ in range(HALF)) for _ in range(2))
            self._codes[device_code] = _DeviceCode(
                request=DeviceRequest(client_id=client_id, scopes=scopes, user_code=user_code),
                expires_at=self._clock.now() + lifetime,
                interval=interval,
            )
            return device_code, user_code

    def pending(self) -> tuple[DeviceRequest, ...]:
        """Those that wait for their user, oldest first."""
        with self._lock:
            return tuple(code.request for code in self._codes.values() if self._waits(code))

    def find(self, typed: str) -> DeviceRequest | None:
        """The request that waits for its user under this code, in whatever case and with whatever between letters."""
        wanted = _letters(typed)
        return next((each for each in self.pending() if _letters(each.user_code) == wanted), None)

    def decide(self, user_code: str, *, allow: bool) -> bool:
        """Allow or deny; False when nothing waits under this code (any more)."""
        with self._lock:
            for code in self._codes.values():
                if code.request.user_code == user_code and self._waits(code):
                    code.decision = Decision.ALLOWED if allow else Decision.DENIED
                    return True
            return False

    def poll(self, device_code: str, *, client_id: str, token_lifetime: timedelta) -> Grant:
        """The tokens, once. Raises OAuthError with a name of RFC 8628 section 3.5, or GrantRefusedError."""
        with self._lock:
            now = self._clock.now()
            known = self._codes.get(device_code)
            if known is None or known.spent:
                raise GrantRefusedError("The device code is unknown here, or was used before.")
            if known.request.client_id != client_id:
                raise GrantRefusedError("The device code was issued to another client.")
            last, known.polled_at = known.polled_at, now
            if now >= known.expires_at:
                raise OAuthError("expired_token", "The device code has expired.")
            if known.decision is Decision.DENIED:
                raise OAuthError("access_denied", "The user has refused.")
            if known.decision is Decision.PENDING:
                if last is not None and now - last < known.interval:
                    known.interval += SLOWER_BY
                    seconds = known.interval.total_seconds()
                    raise OAuthError("slow_down", f"Asked too often: from now on every {seconds:g} seconds at most.")
                raise OAuthError("authorization_pending", "The user has not decided yet.")
            known.spent = True
            return self._logins.open_login(client_id=client_id, scopes=known.request.scopes, lifetime=token_lifetime)

    def _waits(self, code: _DeviceCode) -> bool:
        return code.decision is Decision.PENDING and self._clock.now() < code.expires_at


def _letters(typed: str) -> str:
    return "".join(letter for letter in typed.upper() if letter in LETTERS)

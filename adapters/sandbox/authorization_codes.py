"""Authorization codes (RFC 6749 section 4.1.2): short-lived, used once, bound to what they were asked for with."""

import base64
import hashlib
import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.sandbox.logins import Grant, LoginLedger
from adapters.sandbox.oauth_errors import GrantRefusedError
from ports.clock import Clock

# RFC 7636 sections 4.1 and 4.2.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client asks the user to allow. `code_challenge` is of the method S256."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    code_challenge: str


@dataclass(slots=True, kw_only=True)
class _Code:
    request: AuthorizationRequest = field(repr=False)
    expires_at: datetime
    spent: bool = False
    login: int | None = None


class CodeLedger:
    """All authorization codes of one sandbox. Safe to call from any thread."""

    def __init__(self, clock: Clock, logins: LoginLedger) -> None:
        self._clock = clock
        self._logins = logins
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}

    def issue(self, request: AuthorizationRequest, *, lifetime: timedelta) -> str:
        """A code for what the user has allowed."""
        with self._lock:
            code = secrets.token_urlsafe(32)
            self._codes[code] = _Code(request=request, expires_at=self._clock.now() + lifetime)
            return code

    def redeem(
        self, code: str, *, client_id: str, redirect_uri: str, code_verifier: str, token_lifetime: timedelta
    ) -> tuple[Grant, str | None]:
        """The tokens for a code, and the nonce it was asked for with. Raises GrantRefusedError.

        A failed try spends the code too. A code that comes again shows that two parties hold it: what it bought is
        revoked (RFC 6749 section 4.1.2).
        """
        with self._lock:
            known = self._codes.get(code)
            if known is None:
                raise GrantRefusedError("The authorization code is unknown here.")
            if known.spent:
                if known.login is not None:
                    self._logins.revoke_login(known.login)
                raise GrantRefusedError("The authorization code was used before; what it bought has been revoked.")
            known.spent = True
            request = known.request
            if self._clock.now() >= known.expires_at:
                raise GrantRefusedError("The authorization code has expired.")
            if request.client_id != client_id:
                raise GrantRefusedError("The authorization code was issued to another client.")
            if request.redirect_uri != redirect_uri:
                raise GrantRefusedError("The redirect_uri is not the one that the code was asked for with.")
            if not VERIFIER.fullmatch(code_verifier) or s256(code_verifier) != request.code_challenge:
                raise GrantRefusedError("The code_verifier does not fit the code_challenge.")
            grant = self._logins.open_login(client_id=client_id, scopes=request.scopes, lifetime=token_lifetime)
            known.login = grant.login
            return grant, request.nonce


def s256(code_verifier: str) -> str:
    """RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()

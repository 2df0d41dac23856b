"""The authorization server's memory: logins, their refresh tokens (used once each) and their access tokens.

A login is a family of tokens: whoever presents a spent refresh token shows that two parties hold it, so the whole
family is revoked (RFC 9700 section 4.14.2). Times are the injected clock's. Safe to call from any thread.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.sandbox.json_values import json_bytes
from ports.clock import Clock

SCOPES = frozenset({"openid", "offline_access"})


class GrantRefusedError(Exception):
    """RFC 6749 section 5.2, `invalid_grant`; `reused` when a spent refresh token came back."""

    def __init__(self, why: str, *, reused: bool = False) -> None:
        super().__init__(why)
        self.reused = reused


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one exchange yields. `refresh_token` is None when the old one stays."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta


@dataclass(slots=True, kw_only=True)
class _Login:
    number: int
    revoked: bool = False


@dataclass(slots=True, kw_only=True)
class _RefreshToken:
    login: _Login
    spent_at: datetime | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccessToken:
    login: _Login
    expires_at: datetime


class LoginLedger:
    """All logins of one sandbox."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._logins: list[_Login] = []
        self._refresh_tokens: dict[str, _RefreshToken] = {}
        self._access_tokens: dict[str, _AccessToken] = {}

    def issue_login(self) -> str:
        """A new login's first refresh token, as a browser login would bring it."""
        with self._lock:
            login = _Login(number=len(self._logins) + 1)
            self._logins.append(login)
            return self._new_refresh_token(login)

    def exchange(self, refresh_token: str, *, lifetime: timedelta, grace: timedelta, rotate: bool = True) -> Grant:
        """Redeem a refresh token for an access token that lives `lifetime`.

        Within `grace` of its use, a spent token is redeemed once more, for the same successor, provided that the
        successor has not been used: so a client whose answer was lost recovers. Raises GrantRefusedError.
        """
        with self._lock:
            now = self._clock.now()
            known = self._refresh_tokens.get(refresh_token)
            if known is None:
                raise GrantRefusedError("The refresh token is unknown here.")
            if known.login.revoked:
                raise GrantRefusedError("The login has been revoked.", reused=known.spent_at is not None)
            if known.spent_at is not None:
                successor = self._successor_in_grace(known, now, grace)
                if successor is None:
                    self._revoke(known.login)
                    raise GrantRefusedError(
                        "The refresh token was used before; the login has been revoked.", reused=True
                    )
                return self._grant(known.login, successor, now, lifetime)
            if not rotate:
                return self._grant(known.login, None, now, lifetime)
            known.spent_at = now
            known.successor = self._new_refresh_token(known.login)
            return self._grant(known.login, known.successor, now, lifetime)

    def accepts(self, access_token: str) -> bool:
        """Whether an access token is valid now."""
        with self._lock:
            known = self._access_tokens.get(access_token)
            return known is not None and self._clock.now() < known.expires_at

    def revoke_access_tokens(self) -> None:
        """Make every access token invalid at once; the logins live on."""
        with self._lock:
            self._access_tokens.clear()

    def revoke_logins(self) -> None:
        """Make every token of every login invalid."""
        with self._lock:
            for login in self._logins:
                self._revoke(login)

    def _successor_in_grace(self, token: _RefreshToken, now: datetime, grace: timedelta) -> str | None:
        if token.spent_at is None or token.successor is None or now - token.spent_at >= grace:
            return None
        return token.successor if self._refresh_tokens[token.successor].spent_at is None else None

    def _revoke(self, login: _Login) -> None:
        login.revoked = True
        self._access_tokens = {text: token for text, token in self._access_tokens.items() if token.login is not login}

    def _new_refresh_token(self, login: _Login) -> str:
        # `AgAg` and the padding are what Oracle's identity service shows; `+` and `/` are made sure of, because they
        # are what careless form encoding and careless quoting break.
        text = f"AgAg+/{base64.b64encode(secrets.token_bytes(31)).decode()}"
        self._refresh_tokens[text] = _RefreshToken(login=login)
        return text

    def _grant(self, login: _Login, refresh_token: str | None, now: datetime, lifetime: timedelta) -> Grant:
        self._access_tokens = {text: token for text, token in self._access_tokens.items() if now < token.expires_at}
        access_token = self._sign(
            {
                "iss": "oca-sandbox",
                "sub": f"sandbox-user-{login.number}",
                "iat": now.timestamp(),
                "exp": (now + lifetime).timestamp(),
                "jti": secrets.token_hex(8),
            }
        )
        self._access_tokens[access_token] = _AccessToken(login=login, expires_at=now + lifetime)
        return Grant(access_token=access_token, refresh_token=refresh_token, lifetime=lifetime)

    def _sign(self, claims: dict[str, object]) -> str:
        """A JSON Web Token (RFC 7519) by HMAC with SHA-256; to everybody else it is opaque."""
        head = f"{_base64url(json_bytes({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64url(json_bytes(claims))}"
        return f"{head}.{_base64url(hmac.digest(self._key, head.encode(), hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

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
from adapters.sandbox.oauth_errors import GrantRefusedError, OAuthError
from adapters.sandbox.scopes import OFFLINE_ACCESS, SCOPES
from adapters.sandbox.signing_keys import base64url
from adapters.sandbox.world import CLIENT_ID
from ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one exchange yields. `refresh_token` is None when the old one stays, or when there is none."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta
    login: int
    subject: str
    scopes: frozenset[str]
    authenticated_at: datetime


@dataclass(slots=True, kw_only=True)
class _Login:
    number: int
    client_id: str
    scopes: frozenset[str]
    began_at: datetime
    revoked: bool = False

    @property
    def subject(self) -> str:
        return f"sandbox-user-{self.number}"


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

    def issue_login(self, *, client_id: str = CLIENT_ID) -> str:
        """A new login's first refresh token, as a browser login would bring it."""
        with self._lock:
            return self._new_refresh_token(self._new_login(client_id, SCOPES))

    def open_login(self, *, client_id: str, scopes: frozenset[str], lifetime: timedelta) -> Grant:
        """What a browser's or a device's login yields: a refresh token only where `offline_access` was granted."""
        with self._lock:
            login = self._new_login(client_id, scopes)
            refresh_token = self._new_refresh_token(login) if OFFLINE_ACCESS in scopes else None
            return self._grant(login, refresh_token, self._clock.now(), lifetime)

    def exchange(
        self,
        refresh_token: str,
        *,
        lifetime: timedelta,
        grace: timedelta,
        rotate: bool = True,
        client_id: str = CLIENT_ID,
        scopes: frozenset[str] = frozenset(),
    ) -> Grant:
        """Redeem a refresh token for an access token that lives `lifetime`; `scopes` are those asked for again.

        Within `grace` of its use, a spent token is redeemed once more, for the same successor, provided that the
        successor has not been used: so a client whose answer was lost recovers. Raises GrantRefusedError, and
        OAuthError when more is asked for than was granted (RFC 6749 section 6).
        """
        with self._lock:
            now = self._clock.now()
            known = self._refresh_tokens.get(refresh_token)
            if known is None:
                raise GrantRefusedError("The refresh token is unknown here.")
            if known.login.client_id != client_id:
                raise GrantRefusedError("The refresh token was issued to another client.")
            if known.login.revoked:
                raise GrantRefusedError("The login has been revoked.", reused=known.spent_at is not None)
            if not scopes <= known.login.scopes:
                raise OAuthError("invalid_scope", "The scope exceeds what was granted at login.")
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

    def revoke(self, token: str, *, client_id: str) -> None:
        """RFC 7009 section 2.1: a refresh token takes its whole login with it, an access token goes alone.

        An unknown token is no error. Raises GrantRefusedError for one that was issued to another client.
        """
        with self._lock:
            refresh_token, access_token = self._refresh_tokens.get(token), self._access_tokens.get(token)
            known = refresh_token or access_token
            if known is None:
                return
            if known.login.client_id != client_id:
                raise GrantRefusedError("The token was issued to another client.")
            if refresh_token is None:
                del self._access_tokens[token]
            else:
                self._revoke(known.login)

    def revoke_login(self, number: int) -> None:
        """Make every token of one login invalid."""
        with self._lock:
            self._revoke(self._logins[number - 1])

    def _new_login(self, client_id: str, scopes: frozenset[str]) -> _Login:
        login = _Login(number=len(self._logins) + 1, client_id=client_id, scopes=scopes, began_at=self._clock.now())
        self._logins.append(login)
        return login

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
                "sub": login.subject,
                "iat": now.timestamp(),
                "exp": (now + lifetime).timestamp(),
                "jti": secrets.token_hex(8),
            }
        )
        self._access_tokens[access_token] = _AccessToken(login=login, expires_at=now + lifetime)
        return Grant(
            access_token=access_token,
            refresh_token=refresh_token,
            lifetime=lifetime,
            login=login.number,
            subject=login.subject,
            scopes=login.scopes,
            authenticated_at=login.began_at,
        )

    def _sign(self, claims: dict[str, object]) -> str:
        """A JSON Web Token (RFC 7519) by HMAC with SHA-256; to everybody else it is opaque."""
        head = f"{base64url(json_bytes({'alg': 'HS256', 'typ': 'JWT'}))}.{base64url(json_bytes(claims))}"
        return f"{head}.{base64url(hmac.digest(self._key, head.encode(), hashlib.sha256))}"

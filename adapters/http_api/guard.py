"""Who may call: a check before every route, as plain ASGI.

On loopback without keys, any program of this machine may call, but no web page: a browser sends `Origin` with
cross-site requests, and after DNS rebinding a foreign `Host`. With keys, `/v1` demands one as `Authorization: Bearer`.
"""

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http_api.errors import answer_of
from domain.errors import CallerError, ForbiddenOriginError, InvalidApiKeyError
from domain.http import is_loopback_host


class Guard:
    """Refuses what may not pass; see the module."""

    def __init__(self, app: ASGIApp, *, api_keys: Sequence[str], allowed_origins: Sequence[str]) -> None:
        self._app = app
        self._keys = tuple(key.encode() for key in api_keys)
        self._origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await answer_of(refusal).response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> CallerError | None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and not self._may_ask(origin):
            return ForbiddenOriginError(
                f"Requests from web pages of {origin[:200]!r} are refused: a page must not use this machine's login. "
                "If this page is yours, add its origin to OCA_ALLOWED_ORIGINS."
            )
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            return ForbiddenOriginError("Requests that a web page of another site makes are refused.")
        if not self._keys:
            return self._without_keys(scope, headers)
        if scope["path"].startswith("/v1") and scope["method"] != "OPTIONS" and not self._key_fits(headers):
            return InvalidApiKeyError(
                "The API key is missing or wrong. Send one of the gateway's OCA_API_KEYS as Authorization: Bearer KEY."
            )
        return None

    def _without_keys(self, scope: Scope, headers: Headers) -> CallerError | None:
        client = scope.get("client")
        if client is not None and not is_loopback_host(client[0]):
            return ForbiddenOriginError(
                "This gateway has no OCA_API_KEYS, so it serves its own machine only. Set a key to open it to others."
            )
        host = headers.get("host", "")
        if not is_loopback_host(_host_name(host)):
            return ForbiddenOriginError(
                f"The Host header {host[:200]!r} does not name this machine. Use http://127.0.0.1 or http://localhost, "
                "or set OCA_API_KEYS to serve other names."
            )
        return None

    def _may_ask(self, origin: str) -> bool:
        """Origins that a foreign web page cannot have: ours, this machine's, and those of desktop programs."""
        if origin in self._origins or "*" in self._origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme in ("http", "https"):
            return is_loopback_host(parts.hostname or "")
        return bool(parts.scheme) and origin != "null"

    def _key_fits(self, headers: Headers) -> bool:
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        given = shown.strip().encode("latin-1", "replace")
        # Every key is compared, so that the time tells nothing about which one came near.
        fits = [hmac.compare_digest(given, key) for key in self._keys]
        return any(fits)


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

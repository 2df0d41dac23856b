"""Who may call: a check before every route, as plain ASGI.

On loopback without keys, any program of this machine may call, but no web page: a browser sends `Origin` with
cross-site requests, and after DNS rebinding a foreign `Host`. With keys, `/v1` and `/metrics` demand one as
`Authorization: Bearer`.
"""

import hmac
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http_api.errors import answer_of
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from domain.errors import CallerError, ForbiddenOriginError, InvalidApiKeyError
from domain.http import is_loopback_host
from domain.words import Language, Text

_LOCKED = ("/v1", "/metrics")


class Guard:
    """Refuses what may not pass; see the module."""

    def __init__(self, app: ASGIApp, *, gate: "Gate", language: Language = Language.ENGLISH) -> None:
        self._app = app
        self._gate = gate
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._gate.refusal(scope)
            if refusal is not None:
                language = language_of(Fields.of(scope), self._language)
                await answer_of(refusal, language).response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Gate:
    """Who may pass."""

    def __init__(self, *, api_keys: Sequence[str], allowed_origins: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in api_keys)
        self._origins = frozenset(allowed_origins)

    def refusal(self, scope: Scope) -> CallerError | None:
        """Why a request may not pass; None when it may."""
        fields = Fields.of(scope)
        origin = fields.get(b"origin")
        if origin is not None and not self._may_ask(origin):
            return ForbiddenOriginError(
                Text(
                    f"Requests from web pages of {origin[:200]!r} are refused: a page must not use this machine's "
                    "login. If this page is yours, add its origin to OCA_ALLOWED_ORIGINS.",
                    f"拒绝来自网页 {origin[:200]!r} 的请求：网页不得使用本机的登录。"
                    "如果这是您自己的网页，请把它的来源加入 OCA_ALLOWED_ORIGINS。",
                )
            )
        if origin is None and fields.get(b"sec-fetch-site") == "cross-site":
            return ForbiddenOriginError(
                Text(
                    "Requests that a web page of another site makes are refused. If the page is yours, add its origin "
                    "to OCA_ALLOWED_ORIGINS.",
                    "拒绝由其他网站的网页发出的请求。如果这是您自己的网页，请把它的来源加入 OCA_ALLOWED_ORIGINS。",
                )
            )
        if not self._keys:
            return self._without_keys(scope, fields)
        if scope["path"].startswith(_LOCKED) and scope["method"] != "OPTIONS" and not self._key_fits(fields):
            return InvalidApiKeyError(
                Text(
                    "The API key is missing or wrong. Send one of the gateway's OCA_API_KEYS as Authorization: Bearer "
                    "KEY.",
                    "API 密钥缺失或有误。请以 Authorization: Bearer KEY 发送网关 OCA_API_KEYS 中的一个密钥。",
                )
            )
        return None

    def _without_keys(self, scope: Scope, fields: Fields) -> CallerError | None:
        client = scope.get("client")
        if client is not None and not _is_this_machine(client[0]):
            return ForbiddenOriginError(
                Text(
                    "This gateway has no OCA_API_KEYS, so it serves its own machine only. Set a key to open it to "
                    "others.",
                    "此网关没有设置 OCA_API_KEYS，因此只为本机服务。设置密钥后才能对其他机器开放。",
                )
            )
        host = fields.get(b"host") or ""
        if not _names_this_machine(host):
            return ForbiddenOriginError(
                Text(
                    f"The Host header {host[:200]!r} does not name this machine. Use http://127.0.0.1 or "
                    "http://localhost, or set OCA_API_KEYS to serve other names.",
                    f"Host 标头 {host[:200]!r} 不是本机的名称。请使用 http://127.0.0.1 或 http://localhost，"
                    "或设置 OCA_API_KEYS 以便用其他名称提供服务。",
                )
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

    def _key_fits(self, fields: Fields) -> bool:
        scheme, _, shown = (fields.get(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        given = shown.strip().encode("latin-1")
        # Every key is compared, so that the time tells nothing about which one came near.
        fits = False
        for key in self._keys:
            fits |= hmac.compare_digest(given, key)
        return fits


# The same few callers ask again and again.
_is_this_machine = lru_cache(256)(is_loopback_host)


@lru_cache(256)
def _names_this_machine(host: str) -> bool:
    try:
        return is_loopback_host(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False

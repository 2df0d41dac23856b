"""The token lifecycle as values and rules: RFC 6749 sections 5 and 6, RFC 6750, RFC 9700 section 4.14.

Nothing here talks to anybody. `refresh_request` writes the request, `read_answer` classifies the answer, `renew` makes
the next `TokenSet`; `domain.flows` orders these steps.
"""

import base64
import binascii
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast
from urllib.parse import quote_plus, urlencode

from domain.http import HttpRequest, HttpResponse
from domain.pages import is_page, page_told
from domain.tokens import TokenSet, conceal
from domain.words import Text

DEFAULT_LIFETIME = timedelta(hours=1)
LONGEST_LIFETIME = timedelta(days=10)


class ClientAuthentication(Enum):
    """How a client proves itself (RFC 6749 section 2.3.1). A public one has no secret and names itself alone."""

    NONE = "none"
    BASIC = "basic"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2Client:
    """Who we are to the authorization server. `scope` is asked for at every refresh, when it is set (section 6)."""

    token_endpoint: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    authentication: ClientAuthentication = ClientAuthentication.NONE
    scope: str | None = None


class AnswerKind(Enum):
    """What an answer means for the refresh token that was sent.

    GRANTED: it bought a token. LOGIN_REQUIRED: it is dead. MISCONFIGURED: the client is refused. UNAVAILABLE: a
    definite refusal that may pass; the token is unspent. UNKNOWN: the server may or may not have spent it.
    """

    GRANTED = "granted"
    LOGIN_REQUIRED = "login_required"
    MISCONFIGURED = "misconfigured"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """An answer of the token endpoint, understood. `why` is fit for a log and for the user: it holds no token.

    `told` is the same in every language, where it is in words of ours.
    """

    kind: AnswerKind
    why: str = ""
    told: Text | None = None
    error: str = ""
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    lifetime: timedelta | None = None

    @property
    def text(self) -> Text:
        return self.told or Text.of(self.why)


# Who answers HTML in a token endpoint's place.
_PORTAL = Text(
    ", as a login page of the network (a captive portal) or a proxy sends it", "（可能来自网络的登录页面或代理服务器）"
)
# Too Many Requests, Service Unavailable.
TRY_LATER = frozenset({429, 503})
# RFC 6749 section 5.2; `invalid_token` is what some servers say for `invalid_grant`.
_DEAD = frozenset({"invalid_grant", "invalid_token"})
MISCONFIGURED = frozenset(
    {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request"}
)


def refresh_request(client: OAuth2Client, refresh_token: str) -> HttpRequest:
    """The request of RFC 6749 section 6."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if client.scope:
        form["scope"] = client.scope
    return client_request(client, client.token_endpoint, form)


def client_request(client: OAuth2Client, url: str, form: Mapping[str, str]) -> HttpRequest:
    """A form for the authorization server, from a client that proves itself (RFC 6749 section 2.3.1)."""
    form = dict(form)
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if client.authentication is ClientAuthentication.BASIC and client.client_secret is not None:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    else:
        form["client_id"] = client.client_id
        if client.authentication is ClientAuthentication.POST and client.client_secret is not None:
            form["client_secret"] = client.client_secret
    return HttpRequest(method="POST", url=url, headers=tuple(headers), body=urlencode(form).encode("ascii"))


def read_answer(response: HttpResponse, *, secrets: Collection[str] = ()) -> TokenAnswer:
    """Classify an answer of the token endpoint; see `AnswerKind`. Never raises.

    `secrets` are what was sent: a server that repeats them in its explanation must not make us repeat them.
    """
    document = _json_object(response.body)
    # RFC 6749 section 5.1 demands exactly 200, but a pair that came with 201 has been paid for all the same.
    if 200 <= response.status < 300:  # noqa: PLR2004
        return _read_grant(document, response.body)
    error = conceal(_text(document, "error"), secrets)[:100]
    # A server may add an explanation; it is shown, shortened and on one line.
    described = " ".join(conceal(_text(document, "error_description"), secrets).split())[:300]
    why = ": ".join(part for part in (error, described) if part)
    if error and 400 <= response.status < 500:  # noqa: PLR2004
        if error in _DEAD:
            return TokenAnswer(kind=AnswerKind.LOGIN_REQUIRED, why=why, error=error)
        if error in MISCONFIGURED:
            return TokenAnswer(kind=AnswerKind.MISCONFIGURED, why=why, error=error)
    status = Text(f"status {response.status}", f"状态码 {response.status}")
    told = status + Text(f" ({why})", f"（{why}）") if why else status
    if document is None and is_page(response.body):
        page = page_told(response.body)
        told = Text(f"status {response.status} and {page.en}", f"状态码 {response.status} 和{page.zh}") + _PORTAL
    # A redirect, a client error or "try later" was said before anything was done; a server error, who knows when.
    definite = response.status < 500 or response.status in TRY_LATER  # noqa: PLR2004
    return TokenAnswer(
        kind=AnswerKind.UNAVAILABLE if definite else AnswerKind.UNKNOWN,
        why=told.en,
        told=told,
        error=error,
    )


def renew(tokens: TokenSet, answer: TokenAnswer, *, begun: datetime, now: datetime) -> TokenSet:
    """The set that follows a granted answer: no new refresh token means that the old one stays (section 6).

    The token was made somewhere between `begun`, when it was asked for, and `now`. It counts from the beginning, since
    it must not be handed out when it is over, but from no earlier than a quarter of its life ago: a slow server must
    not make a short-lived token useless.
    """
    lifetime = answer.lifetime or DEFAULT_LIFETIME
    issued_at = max(begun, now - lifetime / 4)
    return TokenSet(
        refresh_token=answer.refresh_token or tokens.refresh_token,
        access_token=answer.access_token,
        expires_at=issued_at + lifetime,
        issued_at=issued_at,
    )


def _read_grant(document: Mapping[str, Any] | None, body: bytes) -> TokenAnswer:
    if document is None:
        return _unusable(
            page_told(body) + Text(" where JSON was due", "，而非应有的 JSON") + _PORTAL
            if is_page(body)
            else Text("an answer that is not a JSON object", "并非 JSON 对象的回答")
        )
    access_token = _token(document, "access_token")
    refresh_token = _token(document, "refresh_token")
    token_type = _text(document, "token_type")
    if token_type and token_type.lower() != "bearer":
        given = repr(token_type[:30])
        told = Text(f"a token of type {given}, where a Bearer token was due", f"类型为 {given} 而非 Bearer 的令牌")
        return _unusable(told, refresh_token)
    if access_token is None:
        # Its refresh token, if any, is kept: the old one has been spent.
        return _unusable(Text("an answer without an access token", "不含访问令牌的回答"), refresh_token)
    return TokenAnswer(
        kind=AnswerKind.GRANTED,
        access_token=access_token,
        refresh_token=refresh_token,
        lifetime=_lifetime(document.get("expires_in")) or _lifetime_of_jwt(access_token),
    )


def _unusable(told: Text, refresh_token: str | None = None) -> TokenAnswer:
    return TokenAnswer(kind=AnswerKind.UNKNOWN, why=told.en, told=told, refresh_token=refresh_token)


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else None


def _text(document: Mapping[str, Any] | None, key: str) -> str:
    value = None if document is None else document.get(key)
    return value if isinstance(value, str) else ""


def _token(document: Mapping[str, Any], key: str) -> str | None:
    """A token of RFC 6749 appendix A.12 and A.17 (visible ASCII and space), or None."""
    value = _text(document, key)
    return value if value.strip() and all(" " <= c <= "~" for c in value) else None


def _lifetime(expires_in: object) -> timedelta | None:
    """`expires_in` in seconds, as a number or as a string of one; None when it is missing or absurd."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return None
    try:
        seconds = float(expires_in)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(timedelta(seconds=min(seconds, LONGEST_LIFETIME.total_seconds())), LONGEST_LIFETIME)


def _lifetime_of_jwt(access_token: str) -> timedelta | None:
    """`exp - iat` of a JWT (RFC 7519 section 4.1), which is not verified: it only spares us a guess."""
    parts = access_token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        claims = _json_object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    if claims is None:
        return None
    exp, iat = claims.get("exp"), claims.get("iat")
    if isinstance(exp, int | float) and isinstance(iat, int | float):
        return _lifetime(exp - iat)
    return None

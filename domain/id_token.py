"""Whose login it is: the claims of an ID token (OpenID Connect Core section 3.1.3.7)."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from domain.errors import LoginFailedError
from domain.server_metadata import Person, json_object, shown, text_in
from domain.tokens import CLOCK_TOLERANCE
from domain.words import Text


def id_token_in(body: bytes) -> str | None:
    """The ID token in an answer of the token endpoint; None where there is none."""
    document = json_object(body)
    return None if document is None else text_in(document, "id_token") or None


def read_id_token(token: str, *, issuer: str | None, client_id: str, nonce: str | None, now: datetime) -> Person:
    """Whose token it is, once its claims are found right; `now` is the server's own time where it tells it.

    Its signature is not checked, as point 6 allows: it comes straight from the token endpoint, and TLS has shown whose
    that is. `nonce` is None where none was sent. Raises LoginFailedError.
    """
    claims = _claims(token)
    if claims is None:
        raise _wrong(Text("it cannot be read", "无法读取"))
    if issuer is not None and text_in(claims, "iss").rstrip("/") != issuer.rstrip("/"):
        named = shown(text_in(claims, "iss"))
        raise _wrong(
            Text(f"it is by {named or 'nobody'}, and not by {issuer}", f"签发者为 {named or '空'}，而非 {issuer}")
        )
    audience = claims.get("aud")
    audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if client_id not in audiences or ("azp" in claims and claims["azp"] != client_id):
        raise _wrong(Text("it is meant for another client", "它属于另一个客户端"))
    if nonce is not None and text_in(claims, "nonce") != nonce:
        raise _wrong(Text("it answers another login (nonce)", "它属于另一次登录（nonce 不符）"))
    expires_at = _moment(claims.get("exp"))
    if expires_at is None or now >= expires_at + CLOCK_TOLERANCE:
        raise _wrong(Text("it has expired", "它已过期"))
    subject = shown(text_in(claims, "sub"))
    if not subject:
        raise _wrong(Text("it names nobody", "其中没有用户标识"))
    return Person(
        subject=subject,
        name=shown(text_in(claims, "preferred_username") or text_in(claims, "name")),
        email=shown(text_in(claims, "email")),
    )


def _claims(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        return json_object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None


def _moment(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wrong(why: Text) -> LoginFailedError:
    return LoginFailedError(
        Text(
            f"The authorization server's ID token is not accepted: {why.en}. Nothing was stored. Log in again; if it "
            "stays so, check OAUTH_CLIENT_ID, OAUTH_HOST and OAUTH_ISSUER.",
            f"授权服务器返回的 ID 令牌无效：{why.zh}。未存储任何内容。请重新登录；如果仍然如此，"
            "请检查 OAUTH_CLIENT_ID、OAUTH_HOST 和 OAUTH_ISSUER。",
        )
    )

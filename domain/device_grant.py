"""The device authorization grant (RFC 8628): a person says yes in the browser of another machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.errors import LoginFailedError
from domain.http import HttpRequest, HttpResponse
from domain.oauth2 import AnswerKind, OAuth2Client, TokenAnswer, client_request
from domain.server_metadata import is_protected, json_object, shown, text_in
from domain.words import Text

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628 section 3.2: where the server names no interval. Section 3.5: what `slow_down` adds to it.
DEFAULT_INTERVAL = timedelta(seconds=5)
SLOW_DOWN = timedelta(seconds=5)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_LONGEST_INTERVAL = timedelta(minutes=1)
# The server must name it; one that does not gets this.
_DEFAULT_LIFETIME = timedelta(minutes=10)
_LONGEST_LIFETIME = timedelta(days=1)
_LAST_WORDS = frozenset({"access_denied", "expired_token"})
_LAST_KINDS = frozenset({AnswerKind.GRANTED, AnswerKind.LOGIN_REQUIRED, AnswerKind.MISCONFIGURED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGrant:
    """What the person is told, and what we ask with. `expires_at` is when the person's time is over."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    interval: timedelta
    expires_at: datetime


def device_request(client: OAuth2Client, endpoint: str, *, scope: str, response_type: str | None) -> HttpRequest:
    """RFC 8628 section 3.1. `response_type` is what Oracle's identity service asks for besides."""
    form = {"scope": scope}
    if response_type:
        form["response_type"] = response_type
    return client_request(client, endpoint, form)


def read_device_answer(response: HttpResponse, *, endpoint: str, now: datetime) -> DeviceGrant:
    """The grant that the server offers (RFC 8628 section 3.2). Raises LoginFailedError."""
    document = json_object(response.body)
    if response.status != 200 or document is None:  # noqa: PLR2004
        raise _no_grant(endpoint, response.status, document or {})
    # An early draft, and some servers still, call it by the shorter word.
    uri = text_in(document, "verification_uri") or text_in(document, "verification_url")
    complete = text_in(document, "verification_uri_complete")
    device_code, user_code = text_in(document, "device_code"), shown(text_in(document, "user_code"), 64)
    if not device_code or not user_code or not is_protected(uri):
        raise _no_grant(endpoint, response.status, document)
    return DeviceGrant(
        device_code=device_code,
        user_code=user_code,
        verification_uri=uri,
        verification_uri_complete=complete if is_protected(complete) else None,
        interval=min(max(_seconds(document, "interval") or DEFAULT_INTERVAL, _SHORTEST_INTERVAL), _LONGEST_INTERVAL),
        expires_at=now + min(_seconds(document, "expires_in") or _DEFAULT_LIFETIME, _LONGEST_LIFETIME),
    )


def device_token_request(client: OAuth2Client, grant: DeviceGrant) -> HttpRequest:
    """RFC 8628 section 3.4."""
    return client_request(client, client.token_endpoint, {"grant_type": GRANT_TYPE, "device_code": grant.device_code})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait before it is asked again. `interval` is the server's wish, `wait` longer while answers fail."""

    interval: timedelta
    wait: timedelta

    @classmethod
    def of(cls, grant: DeviceGrant) -> "Pace":
        return cls(interval=grant.interval, wait=grant.interval)

    def after(self, answer: TokenAnswer | None) -> "Pace | None":
        """The pace after this answer; None when it is the last one.

        No answer at all doubles the wait (RFC 8628 section 3.5), and so does a server that has trouble of its own.
        """
        if answer is not None:
            if answer.error in {"authorization_pending", "slow_down"}:
                interval = self.interval + (SLOW_DOWN if answer.error == "slow_down" else timedelta(0))
                return Pace(interval=interval, wait=interval)
            if answer.error in _LAST_WORDS or answer.kind in _LAST_KINDS:
                return None
        return Pace(interval=self.interval, wait=min(self.wait * 2, max(_LONGEST_INTERVAL, self.interval)))


def denied() -> LoginFailedError:
    return LoginFailedError(
        Text(
            "The login was declined in the browser. Nothing was changed. To try again: oca login --device",
            "登录请求已在浏览器中被拒绝。未作任何更改。如需重试：oca login --device",
        )
    )


def expired() -> LoginFailedError:
    return LoginFailedError(
        Text(
            "The code was not entered in time, and has expired. Nothing was changed. For a new one: oca login --device",
            "未在有效期内输入代码，代码已过期。未作任何更改。如需新代码：oca login --device",
        )
    )


def _no_grant(endpoint: str, status: int, document: Mapping[str, Any]) -> LoginFailedError:
    error, said = shown(text_in(document, "error"), 100), shown(text_in(document, "error_description"), 300)
    why = ": ".join(part for part in (error, said) if part)
    answer = Text(f"status {status}", f"状态码 {status}") + (Text(f", {why}", f"，{why}") if why else "")
    return LoginFailedError(
        Text(
            f"The authorization server offers no login by device code at {endpoint} ({answer.en}). Check "
            "OAUTH_CLIENT_ID, OAUTH_SCOPE and OAUTH_DEVICE_URL, and that the client may use the device grant; or log "
            "in another way: oca login --paste",
            f"授权服务器在 {endpoint} 不提供设备码登录（{answer.zh}）。请检查 OAUTH_CLIENT_ID、OAUTH_SCOPE 和 "
            "OAUTH_DEVICE_URL，并确认该客户端可以使用设备授权；或改用其他方式登录：oca login --paste",
        )
    )


def _seconds(document: Mapping[str, Any], key: str) -> timedelta | None:
    value = document.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:  # noqa: PLR2004
        return None
    return timedelta(seconds=value)

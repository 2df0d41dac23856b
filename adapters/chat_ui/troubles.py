"""An error of the gateway, as a value that a turn can keep and the page can tell of in any language."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any, cast

from domain.conversation import Trouble, TroubleKind
from domain.errors import (
    Cause,
    LoginRequiredError,
    StreamInterruptedError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TokenStoreError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.http import find_header
from domain.model_names import means_unknown_model
from domain.words import Language

_LONGEST_DETAIL = 600
_LONGEST_BODY = 20_000
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)


# The two roots stand last: they catch what has no kind of its own.
_KINDS: tuple[tuple[type[TokenError | UpstreamError], TroubleKind], ...] = (
    (LoginRequiredError, TroubleKind.LOGIN_REQUIRED),
    (TokenEndpointError, TroubleKind.LOGIN_MISCONFIGURED),
    (TokenStoreError, TroubleKind.LOGIN_STORE),
    (UpstreamUnreachableError, TroubleKind.UNREACHABLE),
    (UpstreamTimeoutError, TroubleKind.TIMEOUT),
    (UpstreamProtocolError, TroubleKind.NOT_UNDERSTOOD),
    (UpstreamRejectedTokenError, TroubleKind.TOKEN_REJECTED),
    (StreamInterruptedError, TroubleKind.INTERRUPTED),
    (TokenError, TroubleKind.LOGIN_UNAVAILABLE),
    (UpstreamError, TroubleKind.UPSTREAM_FAILING),
)
_STATUS_KINDS = {
    401: TroubleKind.NOT_ALLOWED,
    403: TroubleKind.NOT_ALLOWED,
    404: TroubleKind.NOT_FOUND,
    408: TroubleKind.TIMEOUT,
    413: TroubleKind.TOO_LARGE,
    429: TroubleKind.TOO_MANY_REQUESTS,
    504: TroubleKind.TIMEOUT,
}


_CAUSE_KINDS = {
    Cause.DNS: TroubleKind.HOST_UNKNOWN,
    Cause.TIMED_OUT: TroubleKind.NO_CONNECTION_IN_TIME,
    Cause.PROXY_UNREACHABLE: TroubleKind.PROXY_DOWN,
    Cause.PROXY_AUTHENTICATION: TroubleKind.PROXY_LOGIN,
    Cause.PROXY_REFUSED: TroubleKind.PROXY_REFUSED,
    Cause.UNKNOWN_CA: TroubleKind.CERTIFICATE_UNTRUSTED,
    Cause.CERTIFICATE_EXPIRED: TroubleKind.CERTIFICATE_EXPIRED,
    Cause.CERTIFICATE_OTHER_HOST: TroubleKind.CERTIFICATE_OF_ANOTHER,
    Cause.CERTIFICATE_NOT_YET_VALID: TroubleKind.CLOCK_WRONG,
}


def trouble_of(error: TokenError | UpstreamError, language: Language = Language.ENGLISH) -> Trouble:
    """The error as a value, its details in this language."""
    if isinstance(error, UpstreamStatusError):
        said = readable(error.body)
        return Trouble(
            kind=_kind_of_status(error.status, error.body),
            detail=said if error.hint is None else f"{said} {error.hint.told_in(language)}".lstrip(),
            status=error.status,
            retry_after=_seconds(find_header(error.headers, "retry-after")),
        )
    return Trouble(
        kind=_kind_of(error),
        detail=_shortened(error.told_in(language)),
        retry_after=error.retry_after if isinstance(error, TokenError) else None,
    )


def readable(body: bytes) -> str:
    """The message inside an upstream's error body: JSON of any usual shape, an HTML page, or plain text."""
    text = body.decode("utf-8", "replace")
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return _shortened(_without_tags(text[:_LONGEST_BODY]) if "<" in text else text)
    return _shortened(_message_in(parsed) or text)


def _message_in(parsed: object) -> str:
    """`{"error": {"message"}}`, `{"error": "…"}`, `{"message"}`, `{"detail"}`, and the same inside a list."""
    if isinstance(parsed, str):
        return parsed
    if isinstance(parsed, list):
        return next((found for item in cast("list[object]", parsed) if (found := _message_in(item))), "")
    if not isinstance(parsed, dict):
        return ""
    fields = cast("dict[str, object]", parsed)
    return next(
        (found for name in ("error", "message", "msg", "detail") if (found := _message_in(fields.get(name)))), ""
    )


def _kind_of(error: TokenError | UpstreamError) -> TroubleKind:
    if isinstance(error, UpstreamUnreachableError | UpstreamTimeoutError | TokenEndpointUnavailableError):
        by_cause = _CAUSE_KINDS.get(error.cause)
        if by_cause is not None:
            return by_cause
    return next(kind for blamed, kind in _KINDS if isinstance(error, blamed))


def _kind_of_status(status: int, body: bytes) -> TroubleKind:
    if means_unknown_model(status, body):
        return TroubleKind.MODEL_UNKNOWN
    server_failed = status >= 500  # noqa: PLR2004 - RFC 9110 section 15.6
    return _STATUS_KINDS.get(status, TroubleKind.UPSTREAM_FAILING if server_failed else TroubleKind.BAD_REQUEST)


def _seconds(value: str | None) -> timedelta | None:
    """Retry-After in seconds; its other form, a date (RFC 9110 section 10.2.3), is left out."""
    # Five digits, a day: what is longer would be no help, and could be more than a timedelta holds.
    return timedelta(seconds=int(value)) if value and value.isascii() and value.isdigit() and len(value) <= 5 else None  # noqa: PLR2004


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_DETAIL else f"{words[:_LONGEST_DETAIL]}…"


def _without_tags(html: str) -> str:
    """What a person would read of an HTML page; shown as plain text, so nothing depends on it being thorough."""
    return unescape(_MARKUP.sub(" ", html))

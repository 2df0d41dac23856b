"""Asking the upstream again, as OpenAI's own client does, for as long as nothing of an answer has been handed out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from domain.concealing import concealed, without_token
from domain.effects import Flow, Pause, ReadBody, ReadClock
from domain.errors import (
    CertificateError,
    StreamInterruptedError,
    TransportError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.flows import Credential
from domain.http import Headers, HttpRequest, HttpResponse, find_header
from domain.upstream_flows import (
    AuthorizedStream,
    Upstream,
    authorized_stream_flow,
    blame_upstream,
)
from domain.words import Text

T = TypeVar("T")

FIRST_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(seconds=8)
LONGEST_OBEYED_PAUSE = timedelta(seconds=60)
# Request timeout, a lock's timeout, rate limit; and whatever is from here on.
PASSING_STATUSES = frozenset({408, 409, 429})
SERVER_ERROR = 500

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is sent again. `jitter`, from 0 to 1, takes up to a quarter off the pauses of our choice."""

    retries: int = 0
    jitter: float = 0.0


def patient_stream_flow(
    credential: Credential, upstream: Upstream, request: HttpRequest, policy: RetryPolicy
) -> Flow[AuthorizedStream]:
    """As `authorized_stream_flow`, asking again after what may pass. Raises TokenError, UpstreamError."""
    return _repeated_flow(lambda: authorized_stream_flow(credential, upstream, request), policy)


def answer_flow(
    credential: Credential, upstream: Upstream, request: HttpRequest, policy: RetryPolicy, *, max_bytes: int
) -> Flow[HttpResponse]:
    """An inference request and its answer, read whole and without our token; its status is 2xx.

    An answer that breaks off is asked for again as well. Raises TokenError, UpstreamError.
    """
    return _repeated_flow(lambda: _whole_answer_flow(credential, upstream, request, max_bytes), policy)


def _whole_answer_flow(
    credential: Credential, upstream: Upstream, request: HttpRequest, max_bytes: int
) -> Flow[HttpResponse]:
    opened = yield from authorized_stream_flow(credential, upstream, request)
    stream, token = opened.stream, opened.access_token
    try:
        body = yield from ReadBody(stream=stream, max_bytes=max_bytes + 1)
    except TransportError as error:
        raise blame_upstream(error, begun=True) from error
    if len(body) > max_bytes:
        raise UpstreamProtocolError(
            Text(
                f"The upstream's answer is larger than {max_bytes} bytes, so it was not read on. Ask for less.",
                f"上游的回答超过 {max_bytes} 字节，已停止读取。请减少所请求的内容。",
            )
        )
    return HttpResponse(status=stream.status, headers=without_token(stream.headers, token), body=concealed(body, token))


def _repeated_flow(attempt: Callable[[], Flow[T]], policy: RetryPolicy) -> Flow[T]:
    for taken in range(policy.retries):
        try:
            return (yield from attempt())
        except UpstreamError as error:
            pause = yield from _pause_flow(error, taken, policy)
            if pause is None:
                raise
        yield from Pause(pause)
    return (yield from attempt())


def _pause_flow(error: UpstreamError, taken: int, policy: RetryPolicy) -> Flow[timedelta | None]:
    """How long to wait before the request is sent again; None: not at all. `taken` retries lie behind."""
    if not _may_pass(error):
        return None
    asked = (yield from _asked_pause_flow(error.headers)) if isinstance(error, UpstreamStatusError) else None
    if asked is not None and asked > LONGEST_OBEYED_PAUSE:
        # The server has said that it will not help sooner.
        return None
    if asked is not None and asked > timedelta(0):
        return asked
    # The exponent is bounded, or many retries would overflow.
    return min(FIRST_PAUSE * 2.0 ** min(taken, 10), LONGEST_PAUSE) * (1 - policy.jitter / 4)


def _may_pass(error: UpstreamError) -> bool:
    match error:
        case UpstreamStatusError():
            # Not a standard's field: OpenAI's servers send it and OpenAI's clients obey.
            match find_header(error.headers, "x-should-retry"):
                case "true":
                    return True
                case "false":
                    return False
                case _:
                    return error.status in PASSING_STATUSES or error.status >= SERVER_ERROR
        case UpstreamUnreachableError():
            # An untrusted certificate is a finding, not an outage.
            return not isinstance(error.__cause__, CertificateError)
        case UpstreamTimeoutError() | StreamInterruptedError():
            return True
        case _:
            return False


def _asked_pause_flow(headers: Headers) -> Flow[timedelta | None]:
    """The pause that a server asks for: `retry-after-ms`, else Retry-After (RFC 9110 section 10.2.3).

    None when it asks for none, or in words that mean nothing. A date may lie in the past.
    """
    milliseconds = _number(find_header(headers, "retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = find_header(headers, "retry-after")
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    moment = None if value is None else _http_date(value)
    return None if moment is None else moment - (yield from ReadClock())


def _number(value: str | None) -> float | None:
    """Fractions are not the standard's, but some servers send them."""
    return float(value) if value is not None and _NUMBER.fullmatch(value.strip()) else None


def _bounded(seconds: float) -> timedelta:
    """As long as that, or surely too long."""
    return timedelta(seconds=min(seconds, 2 * LONGEST_OBEYED_PAUSE.total_seconds()))


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

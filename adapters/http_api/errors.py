"""Which status, type and code each error has for our caller: the only such table (OpenAI API reference, "Errors")."""

from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from starlette.responses import Response

from adapters.wire.openai_errors import encode_error, reshape_upstream_error
from adapters.wire.relay_headers import returned_answer_headers
from domain.errors import (
    BodyTooLargeError,
    CallerError,
    ConfigurationError,
    ForbiddenOriginError,
    InvalidApiKeyError,
    InvalidRequestError,
    LoginRequiredError,
    ModelNotFoundError,
    OCAError,
    StreamInterruptedError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TokenStoreError,
    UnsupportedMediaTypeError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.http import Headers, find_header
from domain.words import Language, Text

# The first row whose class fits holds, so special cases stand before general ones.
_TABLE: tuple[tuple[type[OCAError], int, str, str | None], ...] = (
    (ModelNotFoundError, 404, "invalid_request_error", None),
    (InvalidRequestError, 400, "invalid_request_error", None),
    (BodyTooLargeError, 413, "invalid_request_error", None),
    (UnsupportedMediaTypeError, 415, "invalid_request_error", "unsupported_media_type"),
    (InvalidApiKeyError, 401, "invalid_request_error", "invalid_api_key"),
    (ForbiddenOriginError, 403, "invalid_request_error", "forbidden_origin"),
    (CallerError, 400, "invalid_request_error", None),
    # 503 and never 401: it is our key that failed, not the caller's.
    (LoginRequiredError, 503, "gateway_login_error", "login_required"),
    (TokenEndpointError, 503, "gateway_login_error", "token_endpoint_refused_client"),
    (TokenEndpointUnavailableError, 503, "gateway_login_error", "token_endpoint_unavailable"),
    (TokenStoreError, 503, "gateway_login_error", "token_store_failed"),
    (TokenError, 503, "gateway_login_error", "token_unavailable"),
    (UpstreamTimeoutError, 504, "upstream_error", "upstream_timeout"),
    (UpstreamUnreachableError, 502, "upstream_error", "upstream_unreachable"),
    (UpstreamProtocolError, 502, "upstream_error", "upstream_protocol_error"),
    (UpstreamRejectedTokenError, 502, "upstream_error", "upstream_rejected_token"),
    (StreamInterruptedError, 502, "upstream_error", "stream_interrupted"),
    (UpstreamError, 502, "upstream_error", "upstream_error"),
    (ConfigurationError, 500, "server_error", "configuration"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """An error as our caller gets it: `body` is JSON of OpenAI's error shape."""

    status: int
    body: bytes
    headers: Headers = field(default=())

    def response(self) -> Response:
        return Response(self.body, self.status, headers=dict(self.headers), media_type="application/json")


def answer_of(error: OCAError, language: Language = Language.ENGLISH) -> ErrorAnswer:
    """The answer that an error becomes; an upstream's own error keeps its status, words and Retry-After.

    `language` is the caller's: see `adapters.http_api.language`. Statuses, types and codes are the same in all.
    """
    if isinstance(error, UpstreamStatusError):
        kept = tuple((name, value) for name, value in returned_answer_headers(error.headers) if name != "content-type")
        hint = "" if error.hint is None else error.hint.told_in(language)
        body = reshape_upstream_error(error.status, find_header(error.headers, "content-type"), error.body, hint=hint)
        return ErrorAnswer(status=error.status, body=body, headers=kept)
    status, kind, code = _row_of(error)
    param: str | None = None
    headers: Headers = ()
    if isinstance(error, CallerError):
        param = error.param
        code = error.code or code
    if isinstance(error, TokenError) and error.retry_after is not None:
        headers = (("retry-after", str(whole_seconds(error.retry_after))),)
    if isinstance(error, InvalidApiKeyError):
        headers = (("www-authenticate", "Bearer"),)
    message = error.told_in(language)
    return ErrorAnswer(status=status, body=encode_error(message, type=kind, param=param, code=code), headers=headers)


def _row_of(error: OCAError) -> tuple[int, str, str | None]:
    for fitting, status, kind, code in _TABLE:
        if isinstance(error, fitting):
            return status, kind, code
    return 500, "server_error", None


def internal_error(request_id: str, language: Language = Language.ENGLISH) -> ErrorAnswer:
    """The answer to a defect of ours: it names the log line that tells more."""
    message = Text(
        f"The gateway failed on this request; its log has the cause under request id {request_id}.",
        f"网关处理该请求时出错；原因见其日志中请求编号 {request_id} 的记录。",
    )
    return ErrorAnswer(
        status=500, body=encode_error(message.told_in(language), type="server_error", code="internal_error")
    )


def whole_seconds(wait: timedelta) -> int:
    """For Retry-After: rounded up, and never zero."""
    return max(1, ceil(wait.total_seconds()))

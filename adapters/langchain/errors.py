"""Our errors as LangChain's, with the upstream's words and its answer."""

import json
from collections.abc import Generator
from contextlib import contextmanager

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from adapters.wire.openai_errors import reshape_upstream_error
from adapters.wire.upstream_words import showable
from domain.errors import (
    CallerError,
    ConfigurationError,
    OCAError,
    StreamInterruptedError,
    TokenEndpointUnavailableError,
    TokenError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.http import Headers, find_header
from domain.words import Text

_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelAuthenticationError,
    403: ModelPermissionDeniedError,
    404: ModelNotFoundError,
    408: ModelTimeoutError,
    429: ModelRateLimitError,
}
_SERVER_ERROR = 500
# Where the status does not tell: for an error in mid-stream there is none, and it counts as 500.
_BY_CODE: dict[str, type[ModelError]] = {
    "authentication_error": ModelAuthenticationError,
    "invalid_api_key": ModelAuthenticationError,
    "permission_error": ModelPermissionDeniedError,
    "model_not_found": ModelNotFoundError,
    "not_found_error": ModelNotFoundError,
    "rate_limit_error": ModelRateLimitError,
    "rate_limit_exceeded": ModelRateLimitError,
    "insufficient_quota": ModelRateLimitError,
    "too_many_requests": ModelRateLimitError,
    "resource_exhausted": ModelRateLimitError,
    "throttlingexception": ModelRateLimitError,
    "invalid_request_error": ModelInvalidRequestError,
}
# Waiting does not fill an empty account.
_FOR_GOOD = ("insufficient_quota",)
_TOO_LONG_CODES = ("context_length_exceeded", "context_window_exceeded", "string_above_max_length")
# How upstreams word it that name no code: OpenAI, LiteLLM, vLLM, Anthropic, Gemini, Bedrock, DashScope, llama.cpp, xAI,
# Moonshot, Groq and others.
_TOO_LONG_WORDS = (
    "context length",
    "context window",
    "contextwindowexceeded",
    "context limit",
    "context size",
    "maximum context",
    "maximum prompt length",
    "prompt is too long",
    "input is too long",
    "input tokens exceed",
    "input token count",
    "too many tokens",
    "model token limit",
    "exceeds the maximum number of tokens",
    "range of input length",
    "reduce the length of the",
    "上下文长度",
    "超出最大长度",
    "输入长度超",
)
# Of too many tokens in too short a time they speak alike.
_TOO_FAST_WORDS = ("per minute", "per min", "per second", "per day", "per hour", "rate limit", "quota", "please wait")
_REQUEST_IDS = ("x-request-id", "opc-request-id", "request-id", "x-amzn-requestid", "apim-request-id")
# They speak of the bytes on the wire, which are not kept, or are meant for a browser; traces show what is kept.
_NOT_KEPT = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})


@contextmanager
def translated() -> Generator[None, None, None]:
    """Raise LangChain's errors in place of ours; wrong settings stay what they are."""
    try:
        yield
    except ConfigurationError:
        raise
    except OCAError as error:
        raise langchain_error(error) from error


def langchain_error(error: OCAError) -> ModelError:  # noqa: PLR0911 - a table
    """One of `langchain_core.exceptions`.

    Where the upstream answered it has `response` (an `httpx.Response`), `status_code` and `request_id`, and the
    upstream's words are its message.
    """
    match error:
        case UpstreamStatusError():
            return _with_answer(error.status, error.headers, error.body, None, error.hint)
        case UpstreamRejectedTokenError(status=int(status)):
            return _with_answer(status, error.headers, error.body, str(error))
        case UpstreamRejectedTokenError():
            return ModelAuthenticationError(str(error))
        case UpstreamTimeoutError():
            return ModelTimeoutError(str(error))
        case UpstreamUnreachableError() | StreamInterruptedError() | TokenEndpointUnavailableError():
            return ModelConnectionError(str(error))
        case TokenError():
            return ModelAuthenticationError(str(error))
        case CallerError():
            return ModelInvalidRequestError(str(error))
        case _:
            return ModelAPIError(str(error))


def _with_answer(status: int, headers: Headers, body: bytes, ours: str | None, hint: Text | None = None) -> ModelError:
    import httpx  # noqa: PLC0415 - only when something went wrong

    shaped = json.loads(reshape_upstream_error(status, find_header(headers, "content-type"), body))["error"]
    # The upstream's own shape comes as it is: an echo of a key is masked here.
    words, code = showable(str(shaped.get("message") or "")), showable(str(shaped.get("code") or ""))
    request_id = next((value for name in _REQUEST_IDS if (value := find_header(headers, name))), None)
    details = [f"status {status}"]
    details += [f"code {code}"] if code else []
    details += [f"request id {request_id}"] if request_id else []
    told = f"{words or 'The upstream gave no explanation.'} ({', '.join(details)})"
    told += "" if hint is None else f" {hint}"
    error = _kind(status, words, code, str(shaped.get("type") or ""))(f"{ours} It said: {told}" if ours else told)
    if code in _FOR_GOOD:
        error.is_retryable = False
    # As bytes: a header field may hold what ASCII cannot (RFC 9110 section 5.5).
    kept = [(name.encode(), value.encode(errors="replace")) for name, value in headers if name.lower() not in _NOT_KEPT]
    # LangChain looks for these by name (`_generate_response_from_error`).
    error.response = httpx.Response(status, headers=kept, content=body)  # type: ignore[attr-defined]
    error.status_code = status  # type: ignore[attr-defined]
    error.request_id = request_id  # type: ignore[attr-defined]
    return error


def _kind(status: int, words: str, code: str, kind: str) -> type[ModelError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if _is_too_long(words.lower(), code):
        return ContextOverflowError
    usual = ModelAPIError if status >= _SERVER_ERROR else ModelInvalidRequestError
    by_type = _BY_CODE.get(kind.lower(), usual) if status == _SERVER_ERROR else usual
    return _BY_CODE.get(code.lower(), by_type)


def _is_too_long(words: str, code: str) -> bool:
    if code in _TOO_LONG_CODES:
        return True
    too_fast = code.lower() in _BY_CODE or any(phrase in words for phrase in _TOO_FAST_WORDS)
    return not too_fast and any(phrase in words for phrase in _TOO_LONG_WORDS)

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

_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelAuthenticationError,
    403: ModelPermissionDeniedError,
    404: ModelNotFoundError,
    408: ModelTimeoutError,
    429: ModelRateLimitError,
}
_SERVER_ERROR = 500
_TOO_LONG_CODES = ("context_length_exceeded", "context_window_exceeded", "string_above_max_length", "request_too_large")
# How upstreams word it that name no code: OpenAI, vLLM, Anthropic, Gemini, Bedrock, DashScope, llama.cpp and others.
_TOO_LONG_WORDS = (
    "context length",
    "context window",
    "context size",
    "maximum context",
    "model's maximum",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "exceeds the maximum number of tokens",
    "input token count",
    "range of input length",
    "上下文长度",
    "超出最大长度",
)
_REQUEST_IDS = ("x-request-id", "opc-request-id", "request-id", "x-amzn-requestid", "apim-request-id")
# They speak of the bytes on the wire, which are not kept.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


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
            return _with_answer(error.status, error.headers, error.body, None)
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


def _with_answer(status: int, headers: Headers, body: bytes, ours: str | None) -> ModelError:
    import httpx  # noqa: PLC0415 - only when something went wrong

    shaped = json.loads(reshape_upstream_error(status, find_header(headers, "content-type"), body))["error"]
    words = str(shaped.get("message") or "")
    code = str(shaped.get("code") or "")
    request_id = next((value for name in _REQUEST_IDS if (value := find_header(headers, name))), None)
    kind = _BY_STATUS.get(status, ModelAPIError if status >= _SERVER_ERROR else ModelInvalidRequestError)
    if _too_long(status, words, code):
        kind = ContextOverflowError
    details = [f"status {status}"]
    details += [f"code {code}"] if code else []
    details += [f"request id {request_id}"] if request_id else []
    told = f"{words or 'The upstream gave no explanation.'} ({', '.join(details)})"
    error = kind(f"{ours} It said: {told}" if ours else told)
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_WIRE]
    # LangChain looks for these by name (`_generate_response_from_error`).
    error.response = httpx.Response(status, headers=kept, content=body)  # type: ignore[attr-defined]
    error.status_code = status  # type: ignore[attr-defined]
    error.request_id = request_id  # type: ignore[attr-defined]
    return error


def _too_long(status: int, words: str, code: str) -> bool:
    if status in _BY_STATUS:
        return False
    text = words.lower()
    return code in _TOO_LONG_CODES or any(phrase in text for phrase in _TOO_LONG_WORDS)

"""Our errors as LangChain's."""

import json
import pickle
from typing import Any

import httpx
import pytest
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
from langchain_core.language_models.chat_models import (
    _generate_response_from_error,  # pyright: ignore[reportPrivateUsage] - who reads our errors
)
from langchain_core.messages import AIMessage

from adapters.langchain.errors import langchain_error, translated
from adapters.wire.openai_chunks import told_error
from domain.errors import (
    ConfigurationError,
    InvalidRequestError,
    LoginRequiredError,
    OCAError,
    StreamInterruptedError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenStoreError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.http import Headers

JSON: Headers = (("Content-Type", "application/json"),)
PROXY = "The upstream, or a proxy before it, answered with status"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


def body_of(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


def answered(status: int, body: bytes = b"", headers: Headers = JSON) -> ModelError:
    return langchain_error(UpstreamStatusError(status=status, headers=headers, body=body))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelInvalidRequestError),
        (401, ModelAuthenticationError),
        (402, ModelInvalidRequestError),
        (403, ModelPermissionDeniedError),
        (404, ModelNotFoundError),
        (408, ModelTimeoutError),
        (409, ModelInvalidRequestError),
        (413, ModelInvalidRequestError),
        (422, ModelInvalidRequestError),
        (429, ModelRateLimitError),
        (500, ModelAPIError),
        (502, ModelAPIError),
        (503, ModelAPIError),
        (529, ModelAPIError),
    ],
)
def test_a_status_has_its_error_and_whether_to_try_again(status: int, kind: type[ModelError]) -> None:
    error = answered(status, body_of("No."))
    assert type(error) is kind
    assert error.is_retryable == (status in (408, 429) or status >= 500)


@pytest.mark.parametrize(
    ("ours", "kind"),
    [
        (LoginRequiredError("log in"), ModelAuthenticationError),
        (TokenEndpointError("no", error="invalid_client"), ModelAuthenticationError),
        (TokenStoreError("locked"), ModelAuthenticationError),
        (TokenEndpointUnavailableError("down"), ModelConnectionError),
        (UpstreamUnreachableError("down"), ModelConnectionError),
        (StreamInterruptedError("broke off"), ModelConnectionError),
        (UpstreamTimeoutError("silent"), ModelTimeoutError),
        (UpstreamProtocolError("nonsense"), ModelAPIError),
        (UpstreamRejectedTokenError("refused"), ModelAuthenticationError),
        (InvalidRequestError("wrong"), ModelInvalidRequestError),
    ],
)
def test_a_failure_without_an_answer_keeps_its_words(ours: OCAError, kind: type[ModelError]) -> None:
    error = langchain_error(ours)
    assert (type(error), str(error)) == (kind, str(ours))
    assert not hasattr(error, "response")
    assert _generate_response_from_error(error) == []


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
        "litellm.ContextWindowExceededError: BadRequestError",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        "Input is too long for requested model.",
        "too many tokens: total number of tokens in the prompt exceeds the limit",
        "Range of input length should be [1, 30720]",
        "the request exceeds the available context size. try increasing the context size",
        "This model's maximum prompt length is 131072 but the request contains 134000 tokens.",
        "Invalid request: Your request exceeded model token limit: 8192",
        "Please reduce the length of the messages or completion.",
        "输入长度超过模型上下文长度限制",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_too_long_a_conversation_is_recognized_by_the_upstreams_words(words: str, status: int) -> None:
    for body in (body_of(words), json.dumps({"code": "BadRequest", "message": words}).encode(), words.encode()):
        error = answered(status, body)
        assert type(error) is ContextOverflowError
        assert words[:40] in str(error)
        assert not error.is_retryable


@pytest.mark.parametrize("code", ["context_length_exceeded", "context_window_exceeded", "string_above_max_length"])
def test_too_long_a_conversation_is_recognized_by_its_code(code: str) -> None:
    assert type(answered(400, body_of("No.", code=code))) is ContextOverflowError
    assert type(langchain_error(told_error(body_of("No.", code=code)))) is ContextOverflowError


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (429, "Too many tokens per minute: the context window is not the point", ModelRateLimitError),
        (400, "Too many tokens per day, please wait before trying again.", ModelInvalidRequestError),
        (503, "Too many tokens, please wait before trying again.", ModelAPIError),
        (400, "max_tokens is too large: 100000. This model supports at most 16384.", ModelInvalidRequestError),
        (404, "The model with the large context window does not exist", ModelNotFoundError),
        (401, "prompt is too long to be yours", ModelAuthenticationError),
        (400, "", ModelInvalidRequestError),
    ],
)
def test_what_is_not_too_long_is_not_taken_for_it(status: int, words: str, kind: type[ModelError]) -> None:
    assert type(answered(status, body_of(words))) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "rate_limit_exceeded", "type": "tokens"}, ModelRateLimitError),
        ({"code": "ThrottlingException"}, ModelRateLimitError),
        ({"type": "rate_limit_error"}, ModelRateLimitError),
        ({"type": "authentication_error"}, ModelAuthenticationError),
        ({"type": "permission_error"}, ModelPermissionDeniedError),
        ({"type": "invalid_request_error"}, ModelInvalidRequestError),
        ({"type": "overloaded_error"}, ModelAPIError),
        ({"code": 429}, ModelRateLimitError),
        ({"code": "401"}, ModelAuthenticationError),
        ({}, ModelAPIError),
    ],
)
def test_an_error_in_mid_stream_is_told_by_its_code_or_type(error: dict[str, Any], kind: type[ModelError]) -> None:
    assert type(langchain_error(told_error(body_of("Too many tokens per min", **error)))) is kind


def test_a_model_that_does_not_exist_is_not_found_whatever_the_status() -> None:
    assert type(answered(400, body_of("No such model.", code="model_not_found"))) is ModelNotFoundError


def test_an_empty_account_is_a_rate_limit_that_waiting_does_not_lift() -> None:
    error = answered(429, body_of("You exceeded your current quota.", code="insufficient_quota"))
    assert (type(error), error.is_retryable) == (ModelRateLimitError, False)
    assert answered(429).is_retryable


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (body_of("No.", code="no_way"), JSON, "No. (status 400, code no_way)"),
        (b'{"code": "InvalidParameter", "message": "No."}', JSON, "No. (status 400, code InvalidParameter)"),
        (b'{"detail": [{"loc": ["body", "n"], "msg": "No."}]}', JSON, "n: No. (status 400)"),
        (b"No.", (), "No. (status 400)"),
        (
            b"<html><title>Bad</title><body>Blocked</body></html>",
            (("Content-Type", "text/html"),),
            f"{PROXY} 400 and an HTML page instead of JSON: Bad. Blocked (status 400)",
        ),
        (b"", JSON, "The upstream answered with status 400 and no explanation. (status 400)"),
        (body_of(""), JSON, "The upstream gave no explanation. (status 400)"),
        (
            body_of("No."),
            (("opc-request-id", "abc"), *JSON),
            "No. (status 400, request id abc)",
        ),
    ],
)
def test_the_upstreams_words_are_the_message(body: bytes, headers: Headers, told: str) -> None:
    assert str(answered(400, body, headers)) == told


def test_a_refused_token_is_told_in_our_words_and_the_upstreams() -> None:
    ours = UpstreamRejectedTokenError("It refused a new token.", status=403, headers=JSON, body=body_of("No."))
    error = langchain_error(ours)
    assert type(error) is ModelPermissionDeniedError
    assert str(error) == "It refused a new token. It said: No. (status 403)"


@pytest.mark.parametrize("name", ["x-request-id", "X-Request-ID", "opc-request-id", "request-id", "x-amzn-requestid"])
def test_langchain_finds_the_answer_in_the_error(name: str) -> None:
    headers: Headers = (
        (name, "abc"),
        *JSON,
        ("Content-Encoding", "gzip"),
        ("Content-Length", "9"),
        ("Set-Cookie", "s=1"),
    )
    (generation,) = _generate_response_from_error(answered(500, body_of("No."), headers))
    assert isinstance(generation.message, AIMessage)
    told = generation.message.response_metadata
    assert told["body"] == {"error": {"message": "No."}}
    assert (told["status_code"], told["request_id"], told["headers"][name.lower()]) == (500, "abc", "abc")
    assert not {"content-encoding", "set-cookie"} & set(told["headers"])


@pytest.mark.parametrize("value", ["grün", "\ud800", "絵"])
def test_a_header_field_that_is_not_ascii_does_no_harm(value: str) -> None:
    response = getattr(answered(500, b"", (("X-Words", value),)), "response", None)
    assert isinstance(response, httpx.Response)
    assert response.headers["x-words"]


def test_a_token_that_the_upstream_echoes_is_not_told() -> None:
    for body in (
        body_of(f"Incorrect API key provided: {TOKEN}", code=TOKEN),
        f"Authorization: Bearer {TOKEN}".encode(),
        body_of("Bearer opaque-token-0123456789 is unknown"),
    ):
        error = answered(401, body)
        assert TOKEN not in str(error)
        assert "opaque-token" not in str(error)
        assert "***" in str(error)


def test_an_error_survives_a_pickle() -> None:
    error = answered(429, body_of("No.", code="insufficient_quota"), (("x-request-id", "abc"), *JSON))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again), again.is_retryable) == (type(error), str(error), False)
    assert (again.status_code, again.request_id, again.response.json()["error"]["message"]) == (429, "abc", "No.")


def test_ours_is_kept_as_the_cause() -> None:
    ours = UpstreamTimeoutError("silent")
    with pytest.raises(ModelTimeoutError) as caught, translated():
        raise ours
    assert caught.value.__cause__ is ours


@pytest.mark.parametrize("foreign", [ConfigurationError("wrong"), ValueError("wrong"), KeyboardInterrupt()])
def test_what_is_no_failure_of_a_model_stays_what_it_is(foreign: BaseException) -> None:
    with pytest.raises(type(foreign)) as caught, translated():
        raise foreign
    assert caught.value is foreign

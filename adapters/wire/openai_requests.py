"""Requests in OpenAI's dialect, checked as far as the relay needs and passed on byte for byte.

Only an absent model name is filled in. What else is wrong with a request is the upstream's to say.
"""

from dataclasses import dataclass, field
from typing import cast

from adapters.wire.json_object import JsonObject, json_kind
from domain.errors import InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """What goes on: `choices` is how many answers must finish before the stream is complete."""

    body: bytes = field(repr=False)
    stream: bool
    choices: int
    model: str


def prepare_chat(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for `chat/completions`. Raises InvalidRequestError."""
    request = JsonObject.parse(body)
    _check_messages(request)
    return _prepare(request, default_model=default_model, stream=_stream(request), choices=_n(request))


def prepare_completion(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for the legacy `completions`: each of several prompts gets its own `n` choices."""
    request = JsonObject.parse(body)
    _check_present(request, "prompt", "a string, or an array of strings or tokens")
    prompt = request.get("prompt")
    several = isinstance(prompt, list) and any(isinstance(item, str | list) for item in cast("list[object]", prompt))
    prompts = len(cast("list[object]", prompt)) if several else 1
    return _prepare(request, default_model=default_model, stream=_stream(request), choices=_n(request) * prompts)


def prepare_embeddings(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for `embeddings`, whose answer is never a stream."""
    request = JsonObject.parse(body)
    _check_present(request, "input", "a string, or an array of strings or tokens")
    return _prepare(request, default_model=default_model, stream=False, choices=1)


def _prepare(request: JsonObject, *, default_model: str, stream: bool, choices: int) -> PreparedRequest:
    model = request.get("model")
    if model is None or model == "":
        body = request.with_member("model", default_model)
        return PreparedRequest(body=body, stream=stream, choices=choices, model=default_model)
    if not isinstance(model, str):
        raise _wrong_type("model", "a string", model)
    return PreparedRequest(body=request.body, stream=stream, choices=choices, model=model)


def _check_messages(request: JsonObject) -> None:
    _check_present(request, "messages", "an array of objects")
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise _wrong_type("messages", "an array of objects", messages)
    if not messages:
        raise InvalidRequestError(
            "Invalid 'messages': expected at least one message, but got an empty array.",
            param="messages",
            code="empty_array",
        )
    for position, message in enumerate(cast("list[object]", messages)):
        if not isinstance(message, dict):
            raise _wrong_type(f"messages[{position}]", "an object", message)


def _check_present(request: JsonObject, name: str, expected: str) -> None:
    if name not in request:
        raise InvalidRequestError(
            f"Missing required parameter: '{name}' ({expected}).", param=name, code="missing_required_parameter"
        )


def _stream(request: JsonObject) -> bool:
    stream = request.get("stream")
    if stream is None or isinstance(stream, bool):
        return stream is True
    raise _wrong_type("stream", "a boolean", stream)


def _n(request: JsonObject) -> int:
    n = request.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def _wrong_type(param: str, expected: str, value: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid type for '{param}': expected {expected}, but got {json_kind(value)} instead.",
        param=param,
        code="invalid_type",
    )

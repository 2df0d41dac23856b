"""Requests in OpenAI's dialect, checked as far as the relay needs and passed on byte for byte.

Only an absent model name is filled in. What else is wrong with a request is the upstream's to say.

Nearly every body is read by its head: msgspec checks all of it, and makes values of nothing but what is asked here. A
body with anything unusual about it is read again as a `JsonObject`, which takes it or tells exactly what is wrong.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from adapters.wire.json_object import JsonObject, json_kind_told
from domain.errors import InvalidRequestError
from domain.words import Text

_TEXTS = Text("a string, or an array of strings or tokens", "字符串，或由字符串或 token 组成的数组")
_OBJECTS = Text("an array of objects", "对象数组")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """What goes on: `choices` is how many answers must finish before the stream is complete."""

    body: bytes = field(repr=False)
    stream: bool
    choices: int
    model: str


class _AnObject(msgspec.Struct):
    """Any object; its members are checked and dropped."""


class _Head(msgspec.Struct):
    """What every operation has; of a name that occurs twice the last value holds."""

    model: str | msgspec.UnsetType = msgspec.UNSET


class _ChatHead(_Head, kw_only=True):
    messages: list[_AnObject]
    stream: bool | None = None
    n: Any = 1


class _CompletionHead(_Head, kw_only=True):
    prompt: str
    stream: bool | None = None
    n: Any = 1


class _EmbeddingsHead(_Head, kw_only=True):
    input: msgspec.Raw


_H = TypeVar("_H", bound=_Head)
_CHAT = msgspec.json.Decoder(_ChatHead)
_COMPLETION = msgspec.json.Decoder(_CompletionHead)
_EMBEDDINGS = msgspec.json.Decoder(_EmbeddingsHead)


def prepare_chat(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for `chat/completions`. Raises InvalidRequestError."""
    head = _head(_CHAT, body)
    if head is not None and head.messages:
        return _prepare_by_head(head, body, default_model=default_model, stream=head.stream is True, n=head.n)
    request = JsonObject.parse(body)
    _check_messages(request)
    return _prepare(request, default_model=default_model, stream=_stream(request), choices=_n(request))


def prepare_completion(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for the legacy `completions`: each of several prompts gets its own `n` choices."""
    head = _head(_COMPLETION, body)
    if head is not None:
        return _prepare_by_head(head, body, default_model=default_model, stream=head.stream is True, n=head.n)
    request = JsonObject.parse(body)
    _check_present(request, "prompt", _TEXTS)
    prompt = request.get("prompt")
    several = isinstance(prompt, list) and any(isinstance(item, str | list) for item in cast("list[object]", prompt))
    prompts = len(cast("list[object]", prompt)) if several else 1
    return _prepare(request, default_model=default_model, stream=_stream(request), choices=_n(request) * prompts)


def prepare_embeddings(body: bytes, *, default_model: str) -> PreparedRequest:
    """A body for `embeddings`, whose answer is never a stream."""
    head = _head(_EMBEDDINGS, body)
    if head is not None:
        return _prepare_by_head(head, body, default_model=default_model, stream=False, n=1)
    request = JsonObject.parse(body)
    _check_present(request, "input", _TEXTS)
    return _prepare(request, default_model=default_model, stream=False, choices=1)


def _head(decoder: msgspec.json.Decoder[_H], body: bytes) -> _H | None:
    """The head of a body that is right; None when it has to be read more closely."""
    try:
        head = decoder.decode(body)
        # What is skipped is not decoded.
        if not body.isascii():
            body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if head.model == "" else head


def _prepare_by_head(head: _Head, body: bytes, *, default_model: str, stream: bool, n: object) -> PreparedRequest:
    if isinstance(head.model, str):
        return PreparedRequest(body=body, stream=stream, choices=_choices(n), model=head.model)
    # Each operation demands a member besides, so that a comma is due. Before the brace there is white space at most.
    inside = body.index(b"{") + 1
    named = b"".join((body[:inside], b'"model":', _ascii(default_model), b",", body[inside:]))
    return PreparedRequest(body=named, stream=stream, choices=_choices(n), model=default_model)


@lru_cache(16)
def _ascii(text: str) -> bytes:
    return json.dumps(text).encode("ascii")


def _prepare(request: JsonObject, *, default_model: str, stream: bool, choices: int) -> PreparedRequest:
    model = request.get("model")
    if model is None or model == "":
        body = request.with_member("model", default_model)
        return PreparedRequest(body=body, stream=stream, choices=choices, model=default_model)
    if not isinstance(model, str):
        raise _wrong_type("model", Text("a string", "字符串"), model)
    return PreparedRequest(body=request.body, stream=stream, choices=choices, model=model)


def _check_messages(request: JsonObject) -> None:
    _check_present(request, "messages", _OBJECTS)
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise _wrong_type("messages", _OBJECTS, messages)
    if not messages:
        raise InvalidRequestError(
            Text(
                "Invalid 'messages': expected at least one message, but got an empty array.",
                "'messages' 无效：至少需要一条消息，而收到的是空数组。",
            ),
            param="messages",
            code="empty_array",
        )
    for position, message in enumerate(cast("list[object]", messages)):
        if not isinstance(message, dict):
            raise _wrong_type(f"messages[{position}]", Text("an object", "对象"), message)


def _check_present(request: JsonObject, name: str, expected: Text) -> None:
    if name not in request:
        raise InvalidRequestError(
            Text(
                f"Missing required parameter: '{name}' ({expected.en}).", f"缺少必需的参数：'{name}'（{expected.zh}）。"
            ),
            param=name,
            code="missing_required_parameter",
        )


def _stream(request: JsonObject) -> bool:
    stream = request.get("stream")
    if stream is None or isinstance(stream, bool):
        return stream is True
    raise _wrong_type("stream", Text("a boolean", "布尔值"), stream)


def _n(request: JsonObject) -> int:
    return _choices(request.get("n"))


def _choices(n: object) -> int:
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def _wrong_type(param: str, expected: Text, value: object) -> InvalidRequestError:
    got = json_kind_told(value)
    return InvalidRequestError(
        Text(
            f"Invalid type for '{param}': expected {expected.en}, but got {got.en} instead.",
            f"'{param}' 的类型无效：应为{expected.zh}，而收到的是{got.zh}。",
        ),
        param=param,
        code="invalid_type",
    )

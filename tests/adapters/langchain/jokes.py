"""Answers of a given form: the forms, a model that gives them, and the ways to ask it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel
from pydantic import v1 as pydantic_v1

from adapters.langchain import OCAChatModel
from domain.errors import UpstreamStatusError
from domain.events import Finished, StreamEvent, TextDelta, ToolCallDelta
from tests.adapters.langchain.ways import WAYS, Way
from tests.fakes.chat import FakeTokenManager

Method = Literal["json_schema", "function_calling", "json_mode"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling", "json_mode")


class Joke(BaseModel):
    """A joke."""

    setup: str
    stars: int


class JokeOfBefore(pydantic_v1.BaseModel):
    """A joke."""

    setup: str
    stars: int


class JokeTyped(TypedDict):
    """A joke."""

    setup: str
    stars: int


JOKE_SCHEMA = {
    "title": "Joke",
    "description": "A joke.",
    "type": "object",
    "properties": {"setup": {"type": "string"}, "stars": {"type": "integer"}},
    "required": ["setup", "stars"],
}
SAID = {"setup": "Why?", "stars": 3}
SCHEMAS: dict[str, tuple[Any, Any]] = {
    "pydantic 2": (Joke, Joke(setup="Why?", stars=3)),
    "pydantic 1": (JokeOfBefore, JokeOfBefore(setup="Why?", stars=3)),
    "typed dict": (JokeTyped, SAID),
    "JSON schema": (JOKE_SCHEMA, SAID),
}


def answer(method: Method, words: str, *, name: str = "Joke", reason: str = "") -> list[StreamEvent]:
    """An answer in pieces, as text or as a call, as the method asks it."""
    middle = len(words) // 2
    if method == "function_calling":
        return [
            ToolCallDelta(index=0, id="c1", name=name, arguments=words[:middle]),
            ToolCallDelta(index=0, arguments=words[middle:]),
            Finished(reason=reason or "tool_calls"),
        ]
    return [TextDelta(text=words[:middle]), TextDelta(text=words[middle:]), Finished(reason=reason or "stop")]


def model_that_says(events: Sequence[StreamEvent | UpstreamStatusError], **parameters: Any) -> OCAChatModel:
    return OCAChatModel(token_manager=FakeTokenManager(events), **parameters)


def outcomes(way: Way, runnable: Any) -> list[Any]:
    """What comes of asking: one thing, or several where it streams."""
    match way:
        case "invoke":
            return [runnable.invoke("Tell me a joke")]
        case "stream":
            return list(runnable.stream("Tell me a joke"))
        case "ainvoke":
            return [asyncio.run(runnable.ainvoke("Tell me a joke"))]
        case "astream":
            return asyncio.run(_all(runnable))


async def _all(runnable: Any) -> list[Any]:
    return [each async for each in runnable.astream("Tell me a joke")]


def with_raw(way: Way, runnable: Any) -> dict[str, Any]:
    """The result beside its raw answer; the pieces of a stream put together."""
    first, *more = outcomes(way, runnable)
    for each in more:
        first = first + each
    assert set(first) == {"raw", "parsed", "parsing_error"}
    assert isinstance(first["raw"], AIMessage)
    return dict(first)


ways = pytest.mark.parametrize("way", WAYS)
methods = pytest.mark.parametrize("method", METHODS)
schemas = pytest.mark.parametrize(("schema", "expected"), SCHEMAS.values(), ids=SCHEMAS.keys())


def name_of(schema: Any) -> str:
    return "Joke" if schema is JOKE_SCHEMA else str(schema.__name__)

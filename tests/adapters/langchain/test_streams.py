"""Streams as upstreams send them: cut anywhere, framed in every way that is allowed, and in some that are not."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.exceptions import ModelConnectionError
from langchain_core.messages import AIMessageChunk

from adapters.gateway.asking import Asking
from adapters.gateway.asyncio_chat import AsyncioChat
from adapters.gateway.blocking_chat import BlockingChat
from adapters.gateway.endpoints import Endpoints
from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from adapters.wire.openai_chat import OpenAIChatCodec
from config.settings import Settings
from domain.flows import ApiKey
from tests.adapters.gateway.test_drivers import Ports
from tests.adapters.langchain.ways import STREAMED, Heard, Way, ahear, hear
from tests.domain.test_upstream_flows import UPSTREAM
from tests.fakes.transport import Scripted
from tests.fakes.upstream_server import ANSWER_ID, DONE, MODEL, USAGE, chunk, event, stop, word


class ScriptedManager(OCAOauth2TokenManager):
    """A token manager whose upstream says `pieces`, over both chats and no network."""

    def __init__(self) -> None:
        given = {"llm_api_key": "sk-unchanging", "llm_api_url": UPSTREAM.chat_url, "llm_model_name": "m"}
        super().__init__(settings=Settings.model_validate({"env_file": Path("nowhere"), **given}))
        self.pieces: Sequence[bytes] = ()
        self._ports = Ports("both")
        self._ports.routes.remember(self._ports.routes.routes()[0])
        self._ports.upstream = lambda _request, _route: Scripted(pieces=tuple(self.pieces))
        self._asking = Asking(
            credential=ApiKey(key="sk-unchanging"),
            upstream=UPSTREAM,
            endpoints=Endpoints(UPSTREAM.chat_url),
            codec=OpenAIChatCodec(),
        )

    def chat(self, base_url: str) -> BlockingChat:
        return BlockingChat(driver=self._ports.blocking, asking=self._asking)

    def async_chat(self, base_url: str) -> AsyncioChat:
        return AsyncioChat(driver=self._ports.asyncio, asking=self._asking)


class Listener:
    """A model, and what it hears of bytes in either way; one event loop for all of them, which is quick."""

    def __init__(self) -> None:
        self.manager = ScriptedManager()
        self.model = OCAChatModel(token_manager=self.manager, max_retries=0)
        self.runner = asyncio.Runner()

    def hear(self, way: Way, *pieces: bytes) -> Heard:
        self.manager.pieces = [piece for piece in pieces if piece]
        if way == "stream":
            return hear(way, self.model)
        heard = Heard()
        try:
            self.runner.run(ahear(way, heard, self.model))
        except Exception as error:  # noqa: BLE001 - told
            heard.error = error
        return heard

    def both(self, *pieces: bytes) -> Heard:
        """What both ways hear alike."""
        blocking, asyncio_ = (self.hear(way, *pieces) for way in STREAMED)
        assert told(blocking) == told(asyncio_)
        return blocking


def told(heard: Heard) -> tuple[list[Any], str]:
    """All that a user may see of it, but for the ids that LangChain makes up."""
    seen = [
        {**message.model_dump(), "id": None if str(message.id).startswith("lc_") else message.id}
        for message in heard.messages
    ]
    return seen, f"{type(heard.error).__name__}: {heard.error}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.runner.close()


def calls(*deltas: dict[str, Any]) -> bytes:
    return event(chunk({"tool_calls": list(deltas)}))


def call(
    arguments: str | None = None,
    *,
    index: int | None = None,
    id: str | None = None,  # noqa: A002 - the word of the wire
    name: str | None = None,
) -> dict[str, Any]:
    """A piece of a tool call; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    wire: dict[str, Any] = {"function": {key: value for key, value in function.items() if value is not None}}
    return wire | {key: value for key, value in {"index": index, "id": id}.items() if value is not None}


EVERYTHING = (
    b": begin\n\n"
    + event(chunk({"role": "assistant", "content": None}))
    + event(chunk({"reasoning_content": "Hm \U0001f914"}))
    + word("Zürich \U0001f469\u200d\U0001f680 \u2028 \u2029 \x85 \x0b \x1c 你好")
    + event(chunk({"content": "other"}, index=1))
    + b":\n\n"
    + calls(call('{"x"', index=0, id="a", name="f"))
    + calls(call('{"y"', index=1, id="b", name="g"), call(":1}", index=0))
    + calls(call(':"\u2028"}', index=1))
    + event(chunk({}, finish="tool_calls"))
    + event(chunk({}, finish="stop", index=1))
    + event(chunk(usage=USAGE))
    + DONE
)
LINE_ENDS = (b"\n", b"\r\n", b"\r")


def check_everything(heard: Heard) -> None:
    message = heard.message
    assert message.text == "Zürich \U0001f469\u200d\U0001f680 \u2028 \u2029 \x85 \x0b \x1c 你好"
    assert message.additional_kwargs["reasoning_content"] == "Hm \U0001f914"
    assert [(each["id"], each["name"], each["args"]) for each in message.tool_calls] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": "\u2028"}),
    ]
    assert message.id == ANSWER_ID
    assert message.usage_metadata
    assert message.usage_metadata["total_tokens"] == 5
    assert {key: message.response_metadata[key] for key in ("finish_reason", "model_name")} == {
        "finish_reason": "tool_calls",
        "model_name": MODEL,
    }


@settings(max_examples=150, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(EVERYTHING))),
    line_end=st.sampled_from(LINE_ENDS),
    spaced=st.booleans(),
    marked=st.booleans(),
    ended=st.booleans(),
)
def test_however_a_stream_is_cut_and_framed_the_chunks_are_the_same(
    listener: Listener, cuts: list[int], line_end: bytes, *, spaced: bool, marked: bool, ended: bool
) -> None:
    data = EVERYTHING if spaced else EVERYTHING.replace(b"data: ", b"data:")
    data = (b"\xef\xbb\xbf" if marked else b"") + data.replace(b"\n", line_end)
    data = data if ended else data.rstrip()
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    pieces = [data[start:end] for start, end in pairwise(places)]

    heard = listener.both(*pieces)

    check_everything(heard)
    assert told(heard) == told(listener.hear("stream", EVERYTHING))


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_a_stream_may_come_byte_by_byte(listener: Listener, line_end: bytes) -> None:
    data = EVERYTHING.replace(b"\n", line_end)
    check_everything(listener.both(*(data[place : place + 1] for place in range(len(data)))))


@settings(max_examples=150, deadline=None)
@given(length=st.integers(0, len(EVERYTHING) - len(DONE) - 1), cut=st.integers(0, len(EVERYTHING)))
def test_the_beginning_of_a_stream_is_never_taken_for_the_whole(listener: Listener, length: int, cut: int) -> None:
    finished = EVERYTHING.index(b'"finish_reason": "stop"') + len(b'"finish_reason": "stop"')
    data = EVERYTHING[: min(length, finished)]

    heard = listener.both(data[:cut], data[cut:])

    assert isinstance(heard.error, ModelConnectionError)
    whole = [message.text for message in listener.hear("stream", EVERYTHING).messages]
    assert [message.text for message in heard.messages] == whole[: len(heard.messages)]


STREAMS: dict[str, tuple[bytes, str]] = {
    "data over several lines": (b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"ab"}}]}\n\n', "ab"),
    "fields beside the data": (b"id: 7\nevent: message\nretry: 9\n" + word("ab"), "ab"),
    "no choices in between": (word("a") + event(chunk()) + word("b"), "ab"),
    "choices that are null": (word("a") + b'data: {"choices": null}\n\n' + word("b"), "ab"),
    "deltas that are null or empty": (b'data: {"choices":[{"index":0,"delta":null}]}\n\n' + word("ab"), "ab"),
    "a choice without an index": (b'data: {"choices":[{"delta":{"content":"ab"}}]}\n\n', "ab"),
    "other choices interleaved": (word("a") + event(chunk({"content": "x"}, index=2)) + word("b"), "ab"),
    "Azure's first chunk": (
        b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n' + word("ab"),
        "ab",
    ),
    "blank lines and empty data": (b"\n\n\n" + word("a") + b"data:\n\n" + b"data: \n\n" + word("b"), "ab"),
    "content in parts": (event(chunk({"content": [{"type": "text", "text": "ab"}]})), "ab"),
    "a word after the finish": (word("a") + stop() + word("b"), "ab"),
    "a finish reason that is empty": (b'data: {"choices":[{"delta":{"content":"ab"},"finish_reason":""}]}\n\n', "ab"),
    "an error that is null": (event(chunk({"content": "ab"}, error=None)), "ab"),
}


@pytest.mark.parametrize(("data", "text"), STREAMS.values(), ids=STREAMS.keys())
def test_what_upstreams_do_to_streams_is_understood(listener: Listener, data: bytes, text: str) -> None:
    message = listener.both(data + stop() + DONE).message

    assert message.text == text
    assert message.response_metadata["finish_reason"] == "stop"


MORE = {**USAGE, "completion_tokens": 9, "total_tokens": 12}
USAGES: dict[str, bytes] = {
    "at the end, without choices": word("a") + stop() + event(chunk(usage=MORE)),
    "with the finish reason": word("a") + event(chunk(finish="stop", usage=MORE)),
    "with each chunk, growing": event(chunk({"content": "a"}, usage=USAGE)) + event(chunk(finish="stop", usage=MORE)),
    "with each chunk, the same": event(chunk({"content": "a"}, usage=MORE)) + event(chunk(finish="stop", usage=MORE)),
    "null until the end": event(chunk({"content": "a"}, usage=None)) + stop() + event(chunk(usage=MORE)),
    "twice": word("a") + event(chunk(finish="stop", usage=MORE)) + event(chunk(usage=MORE)),
}


@pytest.mark.parametrize("data", USAGES.values(), ids=USAGES.keys())
def test_the_usage_is_counted_once(listener: Listener, data: bytes) -> None:
    heard = listener.both(data + DONE)

    assert [bool(message.usage_metadata) for message in heard.messages].count(True) == 1
    assert heard.message.usage_metadata
    assert heard.message.usage_metadata["total_tokens"] == 12


TOOL_CALLS: dict[str, tuple[bytes, list[tuple[str, dict[str, Any]]]]] = {
    "interleaved": (
        calls(call('{"x"', index=0, id="a", name="f"), call('{"y"', index=1, id="b", name="g"))
        + calls(call(":2}", index=1), call(":1}", index=0)),
        [("f", {"x": 1}), ("g", {"y": 2})],
    ),
    "without an index": (
        calls(call('{"x"', id="a", name="f")) + calls(call(":1}")) + calls(call('{"y":2}', id="b", name="g")),
        [("f", {"x": 1}), ("g", {"y": 2})],
    ),
    "without an index, at once": (
        calls(call('{"x":1}', id="a", name="f"), call('{"y":2}', id="b", name="g")),
        [("f", {"x": 1}), ("g", {"y": 2})],
    ),
    "without ids": (
        calls(call('{"x":1}', index=0, name="f"), call('{"y":2}', index=1, name="g")),
        [("f", {"x": 1}), ("g", {"y": 2})],
    ),
    "all of index 0": (
        calls(call('{"x":1}', index=0, id="a", name="f")) + calls(call('{"y":2}', index=0, id="b", name="g")),
        [("f", {"x": 1}), ("g", {"y": 2})],
    ),
    "id and name in every piece": (
        calls(call('{"x"', index=0, id="a", name="f")) + calls(call(":1}", index=0, id="a", name="f")),
        [("f", {"x": 1})],
    ),
    "the name late": (calls(call(index=0, id="a")) + calls(call('{"x":1}', index=0, name="f")), [("f", {"x": 1})]),
    "no arguments at all": (calls(call(index=0, id="a", name="f")), [("f", {})]),
    "arguments that are an object": (
        event(chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]})),
        [("f", {"x": 1})],
    ),
    "of another choice": (
        event(chunk({"tool_calls": [call('{"z":1}', index=0, id="z", name="h")]}, index=1))
        + calls(call('{"x":1}', index=0, id="a", name="f")),
        [("f", {"x": 1})],
    ),
}


@pytest.mark.parametrize(("data", "wanted"), TOOL_CALLS.values(), ids=TOOL_CALLS.keys())
def test_tool_calls_are_put_together(listener: Listener, data: bytes, wanted: list[tuple[str, dict[str, Any]]]) -> None:
    message = listener.both(data + stop("tool_calls") + DONE).message

    assert [(each["name"], each["args"]) for each in message.tool_calls] == wanted
    ids = [each["id"] for each in message.tool_calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert message.invalid_tool_calls == []


def test_the_last_chunk_and_no_other_is_marked(listener: Listener) -> None:
    messages = listener.both(EVERYTHING).messages
    places = [each.chunk_position for each in messages if isinstance(each, AIMessageChunk)]
    assert places == [*[None] * (len(messages) - 1), "last"]
    assert {each.id for each in messages} == {ANSWER_ID}

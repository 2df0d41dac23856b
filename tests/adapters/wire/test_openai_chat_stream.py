"""A streamed answer as events: whatever the upstream's habits, the fold is the whole answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.openai_chat import OpenAIChatCodec
from adapters.wire.sse import DONE, encode_event
from domain.chat import ToolCall, Usage
from domain.errors import StreamInterruptedError, UpstreamProtocolError, UpstreamStatusError
from domain.events import (
    AnswerStarted,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
    fold,
)
from tests.adapters.wire.cuts import pieces

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CALLS = st.lists(st.tuples(st.booleans(), st.text(min_size=1, max_size=5), TEXT), max_size=3)


def decode(*data: bytes) -> list[StreamEvent]:
    decoder = OpenAIChatCodec().stream_decoder()
    return [event for piece in data for event in decoder.feed(piece)] + list(decoder.finish())


def chunk(*, finish_reason: str | None = None, index: int | None = 0, **delta: object) -> bytes:
    choice: dict[str, object] = {"delta": delta, "finish_reason": finish_reason}
    if index is not None:
        choice["index"] = index
    return encode_event(json.dumps({"id": "i", "model": "m", "choices": [choice]}, ensure_ascii=False).encode())


def calls(*deltas: dict[str, object]) -> tuple[ToolCall, ...]:
    wire = [chunk(tool_calls=[delta]) for delta in deltas]
    return fold(decode(*wire, DONE)).message.tool_calls


def call(arguments: object = None, *, name: str | None = None, **more: object) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


STOP = chunk(finish_reason="stop")


@given(data=st.data(), text=TEXT, reasoning=TEXT, called=CALLS, usage=st.booleans())
def test_the_fold_of_the_stream_is_the_whole_answer(
    data: st.DataObject, text: str, reasoning: str, called: list[tuple[bool, str, str]], *, usage: bool
) -> None:
    def cut(whole: str) -> list[str]:
        return [piece.decode("utf-32-le") for piece in _characters(data, whole)]

    wire_calls: list[dict[str, Any]] = [
        {**({"id": f"c{at}"} if has_id else {}), "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (has_id, name, arguments) in enumerate(called)
    ]
    counted = {"usage": {"prompt_tokens": 3, "completion_tokens": 2}} if usage else {}
    message = {"role": "assistant", "content": text or None, "reasoning": reasoning, "tool_calls": wire_calls}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = json.dumps({"id": "i", "model": "m", "choices": [choice], **counted}).encode()

    wire = chunk(role="assistant", content="")
    wire += b"".join(chunk(reasoning=piece) for piece in cut(reasoning))
    wire += b"".join(chunk(content=piece) for piece in cut(text))
    started = [
        {**each, "index": at, "function": {**each["function"], "arguments": ""}} for at, each in enumerate(wire_calls)
    ]
    rest = [
        {"index": at, "function": {"arguments": piece}}
        for at, (_, _, arguments) in enumerate(called)
        for piece in cut(arguments)
    ]
    # Calls may run side by side.
    wire += b"".join(chunk(tool_calls=[each]) for each in started) + b"".join(chunk(tool_calls=[each]) for each in rest)
    wire += STOP + (encode_event(json.dumps({"id": "i", "choices": [], **counted}).encode()) if usage else b"") + DONE

    assert fold(decode(*data.draw(pieces(wire)))) == OpenAIChatCodec().decode_response(whole)


def _characters(data: st.DataObject, whole: str) -> list[bytes]:
    wide = whole.encode("utf-32-le")
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [wide[4 * a : 4 * b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


def test_the_events_of_a_stream_in_their_order() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    assert decode(chunk(role="assistant", content=""), chunk(content="a"), chunk(content="b"), STOP, usage, DONE) == [
        AnswerStarted(id="i", model="m"),
        TextDelta(text="a"),
        TextDelta(text="b"),
        Finished(reason="stop"),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
    ]


def test_events_come_out_with_their_chunk() -> None:
    decoder = OpenAIChatCodec().stream_decoder()
    assert list(decoder.feed(chunk(content="a"))) == [AnswerStarted(id="i", model="m"), TextDelta(text="a")]
    assert list(decoder.feed(chunk(thinking="b"))) == [ReasoningDelta(text="b")]


def test_an_answer_starts_once_with_the_first_chunk_that_tells_something() -> None:
    azure = b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert decode(azure, chunk(content="a"), STOP)[0] == AnswerStarted(id="i", model="m")
    nameless = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert decode(nameless)[0] == AnswerStarted()


def test_interleaved_choices_are_told_apart() -> None:
    other = chunk(index=1, content="x")
    events = decode(other, chunk(content="a"), other, chunk(index=None, content="b", finish_reason="stop"), DONE)
    assert [choice.message.text for choice in fold(events).choices] == ["ab", "xx"]
    assert fold(events).finish_reason == "stop"


def test_a_stream_of_several_choices_is_whole_when_each_of_them_has_finished() -> None:
    with pytest.raises(StreamInterruptedError):
        decode(chunk(index=1, content="x"), chunk(content="a", finish_reason="stop"))
    decode(chunk(index=1, content="x", finish_reason="stop"), chunk(content="a", finish_reason="stop"))


def test_log_probabilities_come_before_the_text_that_they_are_of() -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}, "finish_reason": "stop"}
    wire = encode_event(json.dumps({"choices": [choice]}).encode())
    assert decode(wire, DONE)[1:3] == [LogprobsDelta(logprobs={"content": [{"token": "a"}]}), TextDelta(text="a")]


@given(data=st.data())
def test_an_upstream_that_does_not_stream_is_understood(data: st.DataObject) -> None:
    choice = {"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}
    body = json.dumps({"id": "i", "model": "m", "choices": [choice]}, indent=1).encode()
    assert fold(decode(*data.draw(pieces(b"\n" + body)))) == OpenAIChatCodec().decode_response(body)


def test_an_upstream_that_answers_with_a_page_is_told_so() -> None:
    with pytest.raises(UpstreamProtocolError, match="HTML"):
        decode(b"  <!DOCTYPE html><title>Log in</title>")


def test_an_object_without_choices_is_no_answer() -> None:
    with pytest.raises(UpstreamProtocolError, match="no choices"):
        decode(b'{"id": "x"}')


def test_done_is_told() -> None:
    decoder = OpenAIChatCodec().stream_decoder()
    list(decoder.feed(chunk(content="a")))
    assert not decoder.done
    list(decoder.feed(DONE))
    assert decoder.done


def test_a_repeated_usage_and_a_repeated_finish_are_told_once() -> None:
    running = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    events = decode(chunk(content="a"), running, running, STOP, STOP)
    assert [type(event) for event in events] == [AnswerStarted, TextDelta, UsageReported, Finished]


@pytest.mark.parametrize(
    "deltas",
    [
        # As OpenAI does it.
        [
            call("", name="f", index=0, id="a"),
            call("{1", index=0),
            call("}", index=0),
            call("{2}", name="g", index=1, id="b"),
        ],
        # Indexes that do not begin at 0, and calls side by side.
        [
            call("{1", name="f", index=3, id="a"),
            call("{2", name="g", index=7, id="b"),
            call("}", index=3),
            call("}", index=7),
        ],
        # No index: an id, or a name, begins a call.
        [call("{1", name="f", id="a"), call("}"), call("{2", name="g", id="b"), call("}", id="b")],
        # One index for all.
        [call("{1}", name="f", index=0, id="a"), call("{2", name="g", index=0, id="b"), call("}", index=0)],
        # The id and the name again in every delta, or a new id each time.
        [
            call("{1", name="f", index=0, id="a"),
            call("}", name="f", index=0, id="a"),
            call("{2", name="g", index=1, id="b"),
            call("}", index=1, id="x"),
        ],
        # The name after the arguments have begun.
        [call("{1", index=0, id="a"), call("}", name="f", index=0), call("{2}", name="g", index=1, id="b")],
    ],
)
def test_tool_calls_are_put_together_whatever_the_upstreams_habits(deltas: list[dict[str, object]]) -> None:
    assert calls(*deltas) == (
        ToolCall(id="a", name="f", arguments="{1}"),
        ToolCall(id="b", name="g", arguments="{2}"),
    )


def test_a_call_without_an_id_gets_one_that_is_its_own() -> None:
    first, second = calls(call("{}", name="f"), call("{}", name="f"))
    assert first.id != second.id
    assert first.id.startswith("call_")
    assert len(first.id) <= 40
    other = fold(decode(chunk(tool_calls=[call("{}", name="f")]).replace(b'"i"', b'"j"'), DONE)).message.tool_calls[0]
    assert other.id != first.id


def test_the_first_delta_of_a_call_has_its_id_and_name() -> None:
    events = decode(chunk(tool_calls=[call("{", index=0)]), chunk(tool_calls=[call("}", name="f", index=0)]), STOP)
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [(each.name, bool(each.id), each.arguments) for each in deltas] == [("f", True, "{}")]


def test_a_call_that_never_gets_a_name_is_told_before_the_end() -> None:
    events = decode(chunk(tool_calls=[call("{}", index=0, id="a")]), STOP, DONE)
    assert events[-2:] == [ToolCallDelta(index=0, id="a", name="", arguments="{}"), Finished(reason="stop")]
    assert fold(decode(chunk(tool_calls=[call("{}", id="a")]), DONE)).message.tool_calls[0].arguments == "{}"


def test_arguments_that_come_parsed_are_written_as_json() -> None:
    assert calls(call({"a": "é"}, name="f", id="a")) == (ToolCall(id="a", name="f", arguments='{"a": "é"}'),)


def test_deltas_of_strange_types_are_passed_over() -> None:
    strange = b'data: {"choices":[{"delta":null},3],"usage":4}\n\ndata: {"choices":{"delta":1}}\n\n'
    odd = chunk(content=3, reasoning=[], tool_calls=[None, {"function": 3}], refusal={})
    assert fold(decode(strange, odd, chunk(content="a"), STOP)).message.text == "a"


@pytest.mark.parametrize("end", [b"", b"data: [DO", chunk(content="b")[:-9], b": keep-alive\n\n"])
def test_an_answer_that_breaks_off_is_no_answer(end: bytes) -> None:
    decoder = OpenAIChatCodec().stream_decoder()
    assert list(decoder.feed(chunk(content="a") + end))
    with pytest.raises(StreamInterruptedError, match="send the request again"):
        decoder.finish()


@pytest.mark.parametrize("end", [DONE, b"data: [DONE]", STOP, STOP[:-2], STOP + DONE])
def test_done_or_a_finish_reason_makes_an_answer_whole(end: bytes) -> None:
    assert fold(decode(chunk(content="a"), end)).message.text == "a"


def test_nothing_is_read_after_done() -> None:
    assert fold(decode(chunk(content="a") + DONE + chunk(content="b"), b"data: nonsense\n\n")).message.text == "a"


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (b'data: {"error":{"message":"boom","code":"429"}}\n\n', 429, "boom"),
        (b'data: {"error":{"message":"boom","code":"overloaded"}}\n\n', 500, "boom"),
        (b'data: {"error":"boom"}\n\n', 500, "boom"),
        (b'data: {"code":503,"message":"boom"}\n\n', 503, "boom"),
        (b"event: error\ndata: boom\n\n", 500, "boom"),
    ],
)
def test_an_error_in_mid_stream_is_raised_with_its_words_after_the_text_before_it(
    event: bytes, status: int, message: str
) -> None:
    decoder = OpenAIChatCodec().stream_decoder()
    told: list[StreamEvent] = []
    with pytest.raises(UpstreamStatusError) as caught:
        told.extend(decoder.feed(chunk(content="a") + event))
    assert told[-1] == TextDelta(text="a")
    assert caught.value.status == status
    assert json.loads(caught.value.body)["error"]["message"] == message


@pytest.mark.parametrize("payload", [b"<html>", b"[1]", b"{", b"null"])
def test_nonsense_in_mid_stream_is_the_upstreams_fault(payload: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        list(OpenAIChatCodec().stream_decoder().feed(b"data: " + payload + b"\n\n"))

"""Domain requests as chat completions, and whole answers back."""

import json
from typing import Any

import pytest

from adapters.wire.openai_chat import OpenAIChatCodec
from domain.chat import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    OtherPart,
    OtherTool,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from domain.errors import StreamInterruptedError, UpstreamProtocolError, UpstreamStatusError

HI = Message(role="user", content=(TextPart(text="hi"),))


def encode(*messages: Message, stream: bool = False, **more: Any) -> dict[str, Any]:
    request = ChatRequest(model="m", messages=messages or (HI,), **more)
    body: dict[str, Any] = json.loads(OpenAIChatCodec().encode_request(request, stream=stream))
    return body


def decode(message: dict[str, Any], **more: Any) -> Any:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}], **more}
    return OpenAIChatCodec().decode_response(json.dumps(body).encode())


def test_what_is_none_is_not_sent() -> None:
    assert encode() == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_what_is_set_is_sent_under_its_name_on_the_wire() -> None:
    body = encode(
        temperature=0.0,
        top_p=1.0,
        max_tokens=5,
        stop=("a", "b"),
        tools=(Tool(name="t", description="d", parameters={"type": "object"}, strict=True), Tool(name="u")),
        tool_choice={"type": "function", "function": {"name": "t"}},
        reasoning_effort="low",
        extras={"seed": 1, "top_p": 0.5, "user": None},
    )
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 5,
        "stop": ["a", "b"],
        "tools": [
            {
                "type": "function",
                "function": {"name": "t", "description": "d", "parameters": {"type": "object"}, "strict": True},
            },
            {"type": "function", "function": {"name": "u", "parameters": {"type": "object", "properties": {}}}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "t"}},
        "reasoning_effort": "low",
        "seed": 1,
        "user": None,
    }


def test_a_stream_reports_its_usage_unless_the_extras_say_otherwise() -> None:
    assert encode(stream=True)["stream_options"] == {"include_usage": True}
    assert encode(stream=True, extras={"stream_options": None, "stream": False}) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": None,
    }


def test_text_goes_as_a_string_and_parts_as_parts() -> None:
    text = TextPart(text="look ")
    parts = (text, ImagePart(url="data:,", detail="low"), ImagePart(url="u"), OtherPart(raw={"type": "new", "x": [1]}))
    messages = encode(
        Message(role="user", content=(text, TextPart(text="here"))),
        Message(role="user", content=parts, name="ann"),
        Message(role="system"),
    )["messages"]
    assert messages == [
        {"role": "user", "content": "look here"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look "},
                {"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "u"}},
                {"type": "new", "x": [1]},
            ],
            "name": "ann",
        },
        {"role": "system", "content": ""},
    ]


def test_a_round_of_tools_goes_back_and_reasoning_does_not() -> None:
    call = ToolCall(id="c1", name="t", arguments='{"a": 1}')
    messages = encode(
        Message(role="assistant", tool_calls=(call,), reasoning="hmm"),
        Message(role="tool", tool_call_id="c1", content=(TextPart(text="42"),)),
    )["messages"]
    assert messages == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "t", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]


def test_recordings_documents_and_foreign_tools_go_as_openai_has_them() -> None:
    parts = (
        AudioPart(data="UklGRg==", format="wav"),
        FilePart(url="data:application/pdf;base64,JVBE", filename="a.pdf"),
        FilePart(file_id="file-1"),
    )
    body = encode(Message(role="tool", tool_call_id="c", content=parts), tools=(OtherTool(raw={"type": "web_search"}),))
    assert body["tools"] == [{"type": "web_search"}]
    assert body["messages"][0]["content"] == [
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]


def test_a_refusal_and_the_id_of_a_recording_go_back_in_place_of_content() -> None:
    messages = encode(
        Message(role="assistant", refusal="no"), Message(role="assistant", extras={"audio": {"id": "a1"}})
    )["messages"]
    assert messages == [
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": None, "audio": {"id": "a1"}},
    ]


def test_usage_is_not_asked_for_when_the_request_does_without() -> None:
    assert "stream_options" not in encode(stream=True, stream_usage=False)


def test_text_that_utf8_cannot_carry_does_not_break_a_request() -> None:
    assert encode(Message(role="user", content=(TextPart(text="a\ud800"),)))["messages"][0]["content"] == "a?"


def test_a_whole_answer_is_decoded() -> None:
    wire_call = {"id": "c1", "type": "function", "function": {"name": "t", "arguments": "{}"}}
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    answer = decode(
        {"content": "hello", "reasoning_content": "hmm", "tool_calls": [wire_call]}, id="i", model="mm", usage=usage
    )
    assert answer.message == Message(
        role="assistant",
        content=(TextPart(text="hello"),),
        reasoning="hmm",
        tool_calls=(ToolCall(id="c1", name="t", arguments="{}"),),
    )
    assert (answer.finish_reason, answer.id, answer.model) == ("stop", "i", "mm")
    assert answer.usage == Usage(input_tokens=9, output_tokens=5, cached_tokens=4, reasoning_tokens=3)


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": None, "reasoning": "r"}, "", "r"),
        ({"content": "", "thinking": "r"}, "", "r"),
        ({"content": "t", "reasoning": "r", "reasoning_content": "r"}, "t", "r"),
        ({"content": "t", "reasoning": {"x": 1}}, "t", ""),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
                    {"type": "text", "text": "t"},
                ]
            },
            "t",
            "r",
        ),
        ({"content": [{"type": "thinking", "thinking": "r"}, {"type": "?"}, 3]}, "", "r"),
        ({"content": 3}, "", ""),
    ],
)
def test_text_and_reasoning_are_told_apart(message: dict[str, Any], text: str, reasoning: str) -> None:
    answer = decode(message)
    assert (answer.message.text, answer.message.reasoning) == (text, reasoning)


def test_a_refusal_is_no_text_but_is_said() -> None:
    for message in ({"content": None, "refusal": "no"}, {"content": [{"type": "refusal", "refusal": "no"}]}):
        told = decode(message).message
        assert (told.text, told.refusal, told.said) == ("", "no", "no")


def test_what_else_a_message_holds_is_handed_on() -> None:
    audio, notes = {"id": "a1", "data": "UklGRg==", "transcript": "hi"}, [{"type": "url_citation"}]
    told = decode({"content": None, "audio": audio, "annotations": notes, "unknown": 1})
    assert told.message.extras == {"audio": audio, "annotations": notes}


def test_several_choices_are_told_apart() -> None:
    body = {
        "choices": [
            {"index": 1, "message": {"content": "b"}, "finish_reason": "length", "logprobs": {"content": [{"t": 1}]}},
            {"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "logprobs": None},
        ],
        "system_fingerprint": "fp",
        "service_tier": "flex",
    }
    answer = OpenAIChatCodec().decode_response(json.dumps(body).encode())
    assert [(each.message.text, each.finish_reason, each.logprobs) for each in answer.choices] == [
        ("a", "stop", None),
        ("b", "length", {"content": [{"t": 1}]}),
    ]
    assert (answer.system_fingerprint, answer.service_tier) == ("fp", "flex")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "cache_read_input_tokens": 1}, (3, 2, 1, None)),
        ({"prompt_tokens": 3, "completion_tokens": 2, "prompt_cache_hit_tokens": 1}, (3, 2, 1, None)),
        ({"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}, (3, 2, None, None)),
        ({"input_tokens": 3, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}, (3, 2, 1, None)),
        ({"prompt_tokens": 3, "completion_tokens": None}, (3, 0, None, None)),
        ({"output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}, (0, 2, None, 1)),
        ({"prompt_tokens": "3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage_is_read_in_every_known_dress(usage: object, expected: tuple[int | None, ...] | None) -> None:
    counted = decode({"content": ""}, usage=usage).usage
    told = counted and (counted.input_tokens, counted.output_tokens, counted.cached_tokens, counted.reasoning_tokens)
    assert told == expected


def test_every_part_of_a_usage_is_told() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 2, "audio_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 1},
    }
    assert decode({"content": ""}, usage=usage).usage == Usage(
        input_tokens=9,
        output_tokens=5,
        total_tokens=15,
        cached_tokens=0,
        cache_written_tokens=2,
        input_audio_tokens=3,
        output_audio_tokens=1,
        reasoning_tokens=0,
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"choices":[]}', b'{"choices":null}', b"[" * 100_000])
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        OpenAIChatCodec().decode_response(body)


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"error":{"message":"boom","code":429}}', 429), (b'{"code":"E1","message":"boom"}', 500)]
)
def test_an_error_in_a_200_answer_is_raised_with_its_words(body: bytes, status: int) -> None:
    with pytest.raises(UpstreamStatusError) as caught:
        OpenAIChatCodec().decode_response(body)
    assert caught.value.status == status
    assert json.loads(caught.value.body)["error"]["message"] == "boom"


def test_an_upstream_that_streams_unasked_is_understood() -> None:
    stream = b': hi\n\ndata: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'
    stream += b'data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    assert OpenAIChatCodec().decode_response(stream).message.text == "Hello"
    with pytest.raises(StreamInterruptedError):
        OpenAIChatCodec().decode_response(stream[:70])

"""LangChain's messages on their way to the wire, beside what LangChain's own OpenAI model makes of them."""

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.messages.block_translators.openai import (
    _convert_from_v1_to_chat_completions,  # pyright: ignore[reportPrivateUsage] - what ours is measured against
)
from langchain_openai.chat_models.base import (
    _convert_message_to_dict,  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType] - the same
)

from adapters.langchain import OCAChatModel
from adapters.langchain.answers import ChunkMaker, chat_result
from domain.events import (
    AnswerStarted,
    ExtrasDelta,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    fold,
)
from tests.adapters.langchain.wire_of import wire_of
from tests.fakes.chat import FakeTokenManager

Wire = dict[str, Any]
ADD = {"name": "add", "args": {"a": 1, "b": "ü"}, "id": "c1", "type": "tool_call"}
BROKEN = {"name": "add", "args": '{"a": ', "id": "c2", "error": "x", "type": "invalid_tool_call"}
DEVELOPER = {"__openai_role__": "developer"}
MESSAGES: dict[str, BaseMessage] = {
    "human": HumanMessage("Hi"),
    "human of many blocks": HumanMessage(["a", {"type": "text", "text": "b"}]),
    "human with a picture": HumanMessage([{"type": "text", "text": "a"}, {"type": "image", "url": "https://x/y.png"}]),
    "human with a name": HumanMessage("Hi", name="Ada"),
    "human with a name of before": HumanMessage("Hi", additional_kwargs={"name": "Ada"}),
    "human chunk": HumanMessageChunk(content="Hi"),
    "system": SystemMessage("Be kind", name="rules"),
    "system chunk": SystemMessageChunk(content="Be kind"),
    "developer": SystemMessage("Be kind", additional_kwargs=DEVELOPER),
    "any role": ChatMessage(content="Hi", role="critic"),
    "any role in a chunk": ChatMessageChunk(content="Hi", role="critic"),
    "function": FunctionMessage(content="3", name="add"),
    "function chunk": FunctionMessageChunk(content="3", name="add"),
    "tool": ToolMessage("3", tool_call_id="c1", name="add", artifact=object(), status="error"),
    "tool of many blocks": ToolMessage([{"type": "text", "text": "3", "id": "lc_1"}], tool_call_id="c1"),
    "tool with nothing to say": ToolMessage("", tool_call_id="c1"),
    "tool chunk": ToolMessageChunk(content="3", tool_call_id="c1"),
    "assistant": AIMessage("Hello", name="Bo", id="x", response_metadata={"finish_reason": "stop"}),
    "assistant with nothing to say": AIMessage(""),
    "assistant chunk": AIMessageChunk(content="Hello", chunk_position="last"),
    "assistant that calls": AIMessage("", tool_calls=[ADD]),
    "assistant that says and calls": AIMessage("Let me see", tool_calls=[ADD]),
    "assistant that calls what cannot be read": AIMessage("", invalid_tool_calls=[BROKEN]),
    "assistant that calls both ways": AIMessage("", tool_calls=[ADD], invalid_tool_calls=[BROKEN]),
    "assistant that calls in a chunk": AIMessageChunk(
        content="",
        tool_call_chunks=[{"name": "add", "args": '{"a": 1}', "id": "c1", "index": 0, "type": "tool_call_chunk"}],
    ),
    "assistant of before there were tool calls": AIMessage(
        "", additional_kwargs={"tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": "{}"}}]}
    ),
    "assistant of before there were tools": AIMessage(
        "", additional_kwargs={"function_call": {"name": "add", "arguments": "{}"}}
    ),
    "assistant that said it under both names": AIMessage(
        "",
        tool_calls=[ADD],
        additional_kwargs={"function_call": {"name": "add", "arguments": "{}"}, "tool_calls": [{"id": "other"}]},
    ),
    "assistant that thought": AIMessage("Hello", additional_kwargs={"reasoning_content": "Hm"}),
    "assistant that spoke": AIMessage("", additional_kwargs={"audio": {"id": "audio_1", "data": "QQ=="}}),
    "assistant of today": AIMessage(
        [
            {"type": "reasoning", "reasoning": "Hm"},
            {"type": "text", "text": "Hello", "annotations": [], "index": 1},
            {"type": "text", "text": " there"},
            dict(ADD),
        ],
        tool_calls=[ADD],
        response_metadata={"output_version": "v1"},
    ),
    "assistant of Anthropic's make": AIMessage(
        [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}},
        ],
        tool_calls=[ADD],
    ),
}


def words(text: str) -> Wire:
    return {"type": "text", "text": text}


def as_chat_openai_sends(message: BaseMessage) -> Wire:
    """As the OpenAI model puts it into its payload, content of pure text in one string."""
    if isinstance(message, AIMessage):
        message = _convert_from_v1_to_chat_completions(message)
    sent = cast("Wire", _convert_message_to_dict(message))
    if isinstance(sent["content"], list):
        said = cast("list[str | Wire]", sent["content"])
        parts = [words(part) if isinstance(part, str) else part for part in said]
        # What is left of a call that broke off in a stream, which it forgets to take out.
        parts = [part for part in parts if part["type"] != "tool_call_chunk"]
        pure = all(part["type"] == "text" for part in parts)
        sent["content"] = "".join(part["text"] for part in parts) if pure else parts
    return sent


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_is_sent_as_langchains_openai_model_sends_it(message: BaseMessage) -> None:
    sent = as_chat_openai_sends(message)
    if message is MESSAGES["assistant that spoke"]:
        # Next to the recording's id, a content of nothing is none.
        sent["content"] = None
    assert wire_of([message]) == [sent]


def test_a_call_of_a_custom_tool_among_those_of_before_is_left_out() -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "x", "input": "y"}}
    kept = {"id": "c2", "function": {"name": "add", "arguments": None}}
    message = AIMessage.model_construct(content="", additional_kwargs={"tool_calls": [custom, kept]})
    sent = wire_of([message])[0]["tool_calls"]
    assert sent == [{"id": "c2", "type": "function", "function": {"name": "add", "arguments": ""}}]


def test_a_refusal_goes_back_once_where_it_belongs() -> None:
    refusal = {"type": "refusal", "refusal": "I can"}
    blocks: list[str | Wire] = [refusal, {"type": "refusal", "refusal": "not."}]
    said = [
        AIMessage("", additional_kwargs={"refusal": "I cannot."}),
        AIMessage(blocks, additional_kwargs={"refusal": "I cannot."}),
        AIMessage("", additional_kwargs={"refusal": None}),
    ]
    assert wire_of(said) == [
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {"role": "assistant", "content": ""},
    ]


def test_of_a_recording_goes_back_the_id_under_which_the_upstream_keeps_it() -> None:
    block = {"type": "audio", "id": "audio_1", "base64": "QQ==", "mime_type": "audio/wav"}
    heard = {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}
    assert wire_of([AIMessage([block])]) == [heard]
    assert wire_of([AIMessage([{**block, "id": "lc_1"}], additional_kwargs={"audio": {"id": "audio_1"}})]) == [heard]
    assert wire_of([AIMessage([{**block, "id": "lc_1"}])]) == [{"role": "assistant", "content": ""}]


def test_a_message_that_only_langgraph_understands_is_refused() -> None:
    with pytest.raises(ValueError, match="A RemoveMessage cannot be sent to a model"):
        wire_of([RemoveMessage(id="x")])


@pytest.mark.parametrize(
    "message",
    [
        SystemMessage("mine"),
        SystemMessage("mine", additional_kwargs=DEVELOPER),
        ChatMessage(content="mine", role="system"),
        ChatMessage(content="mine", role="developer"),
    ],
    ids=["system", "developer", "system by role", "developer by role"],
)
def test_the_system_prompt_begins_a_conversation_without_instructions_of_its_own(message: BaseMessage) -> None:
    talk = [HumanMessage("a"), AIMessage("b")]
    assert wire_of(talk, system_prompt="Be kind") == [{"role": "system", "content": "Be kind"}, *wire_of(talk)]
    assert wire_of([*talk, message], system_prompt="Be kind") == wire_of([*talk, message])
    assert wire_of(talk, system_prompt="") == wire_of(talk)


STARTED = AnswerStarted(id="chatcmpl-1", model="m")
ANSWERS: dict[str, tuple[StreamEvent, ...]] = {
    "text": (STARTED, TextDelta(text="Hel"), TextDelta(text="lo"), Finished(reason="stop")),
    "thoughts": (STARTED, ReasoningDelta(text="Hm"), TextDelta(text="Hello"), Finished(reason="stop")),
    "calls": (
        STARTED,
        ReasoningDelta(text="Hm"),
        ToolCallDelta(index=0, id="c1", name="add"),
        ToolCallDelta(index=1, id="c2", name="now"),
        ToolCallDelta(index=0, arguments='{"a": '),
        ToolCallDelta(index=0, arguments='"ü"}'),
        Finished(reason="tool_calls"),
    ),
    "a call that breaks off": (
        STARTED,
        TextDelta(text="Let me see"),
        ToolCallDelta(index=0, id="c1", name="add", arguments='{"a": "b'),
        Finished(reason="length"),
    ),
    "a recording": (
        STARTED,
        ExtrasDelta(extras={"audio": {"id": "audio_1", "data": "QQ==", "transcript": "Hi"}}),
        Finished(reason="stop"),
    ),
    "a refusal": (STARTED, RefusalDelta(text="I can"), RefusalDelta(text="not."), Finished(reason="stop")),
}


@pytest.mark.parametrize("events", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("streamed", [False, True])
def test_our_own_answers_go_back_as_langchains_openai_model_would_send_them(
    events: tuple[StreamEvent, ...], output_version: str, *, streamed: bool
) -> None:
    model = OCAChatModel(token_manager=FakeTokenManager(events), output_version=output_version)
    if streamed:
        first, *more = model.stream("Hi")
        answer: AIMessage = first.__add__(more)
    else:
        answer = model.invoke("Hi")

    talk = [HumanMessage("Hi"), answer, HumanMessage("And now?")]
    sent = [as_chat_openai_sends(message) for message in talk]
    if answer.additional_kwargs.get("refusal"):
        # It forgets the refusal, or has it as content; the field is what the API has for it.
        sent[1] = {"role": "assistant", "content": None, "refusal": "I cannot."}
    if "audio" in sent[1]:
        sent[1]["content"] = None
    assert wire_of(talk) == sent


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_arguments_of_a_call_survive_the_way_there_and_back(value: Any) -> None:
    calls = [{"name": "f", "args": {"value": value}, "id": "c1", "type": "tool_call"}]
    call = wire_of([AIMessage("", tool_calls=calls)])[0]["tool_calls"][0]
    events = [ToolCallDelta(index=0, id=call["id"], name="f", arguments=call["function"]["arguments"])]
    whole = chat_result(fold(events), model="m").generations[0].message
    maker = ChunkMaker(model="m")
    chunks = [maker.take(event) for event in events]
    streamed = (
        sum((chunk.message for chunk in chunks if chunk), start=AIMessageChunk(content="")) + maker.last().message
    )
    expected = json.loads(json.dumps(calls, ensure_ascii=False).encode(errors="replace"))
    assert isinstance(whole, AIMessage)
    assert isinstance(streamed, AIMessageChunk)
    assert whole.tool_calls == streamed.tool_calls == expected

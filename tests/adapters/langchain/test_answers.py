"""Answers, whole and streamed: what LangChain makes of the pieces is what the whole answer says."""

import pickle
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk

from adapters.langchain import OCAChatModel
from adapters.langchain.answers import ChunkMaker, chat_result, usage_metadata
from adapters.langchain.blocks import register
from adapters.langchain.tool_arguments import read_tool_calls
from domain.chat import ChatResponse, Choice, Message, TextPart, Usage
from domain.events import (
    AnswerStarted,
    ExtrasDelta,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
    fold,
)
from tests.adapters.langchain.arguments import ARGUMENTS
from tests.fakes.chat import FakeTokenManager

STARTED = AnswerStarted(id="chatcmpl-1", model="m-2026", system_fingerprint="fp", service_tier="flex")
USAGE = Usage(
    input_tokens=5,
    output_tokens=7,
    total_tokens=12,
    cached_tokens=3,
    cache_written_tokens=0,
    input_audio_tokens=1,
    output_audio_tokens=2,
    reasoning_tokens=4,
)
COUNTED = UsageReported(usage=USAGE)


def logprobs(token: str) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": []}]}


def chunks_of(events: Sequence[StreamEvent], model: str = "asked") -> list[ChatGenerationChunk]:
    maker = ChunkMaker(model=model)
    made = [maker.take(event) for event in events]
    return [*(chunk for chunk in made if chunk is not None), maker.last()]


def streamed(events: Sequence[StreamEvent]) -> ChatGenerationChunk:
    return reduce(add, chunks_of(events))


def whole(events: Sequence[StreamEvent]) -> ChatGeneration:
    return chat_result(fold(events), model="asked").generations[0]


def told(generation: ChatGeneration) -> dict[str, Any]:
    """All that a generation says, but for the errors of calls that cannot be read, for which a chunk has no place."""
    message = generation.message
    assert isinstance(message, AIMessage)
    return {
        "text": message.text,
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "tool_calls": message.tool_calls,
        "invalid_tool_calls": [(call["id"], call["name"]) for call in message.invalid_tool_calls],
        "usage": message.usage_metadata,
        "id": message.id,
        # LangChain lays the one over the other.
        "response_metadata": {**(generation.generation_info or {}), **message.response_metadata},
    }


TEXTS = st.text(max_size=5)


@st.composite
def calls(draw: st.DrawFn, choice: int) -> list[StreamEvent]:
    """The deltas of some calls, as the codec tells them: id and name come first, arguments in pieces, interleaved."""
    first: list[StreamEvent] = []
    rest: list[StreamEvent] = []
    for index in range(draw(st.integers(0, 2))):
        text = draw(ARGUMENTS)
        cut = draw(st.integers(0, len(text)))
        first.append(ToolCallDelta(index=index, id=f"c{index}", name="f", arguments=text[:cut], choice=choice))
        rest.append(ToolCallDelta(index=index, arguments=text[cut:], choice=choice))
    return [*first, *draw(st.permutations(rest))]


def deltas(choice: int) -> st.SearchStrategy[StreamEvent]:
    return st.one_of(
        st.builds(TextDelta, text=TEXTS, choice=st.just(choice)),
        st.builds(ReasoningDelta, text=TEXTS.filter(bool), choice=st.just(choice)),
        st.builds(RefusalDelta, text=TEXTS.filter(bool), choice=st.just(choice)),
        st.builds(LogprobsDelta, logprobs=TEXTS.map(logprobs), choice=st.just(choice)),
        st.builds(
            ExtrasDelta,
            extras=st.sampled_from(
                [{"audio": {"id": "a", "data": "QQ=="}}, {"annotations": [{"type": "url_citation"}]}],
            ),
            choice=st.just(choice),
        ),
        st.builds(Finished, reason=st.just("stop"), choice=st.just(choice)),
    )


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """The events of an answer, of which choice 0 is one, with those of other choices among them."""
    rows: list[list[StreamEvent]] = [[TextDelta(text=draw(TEXTS)), *draw(calls(0)), *draw(st.lists(deltas(0)))]]
    rows.append([*draw(calls(1)), *draw(st.lists(deltas(1), max_size=3))])
    rows.append(
        draw(
            st.lists(st.just(COUNTED) | st.builds(UsageReported, usage=st.just(Usage(input_tokens=1, output_tokens=2))))
        )
    )
    places = draw(st.permutations([at for at, row in enumerate(rows) for _ in row]))
    left = [iter(row) for row in rows]
    begun: list[StreamEvent] = [STARTED] if draw(st.booleans()) else []
    return begun + [next(left[place]) for place in places]


@given(answers())
def test_the_sum_of_the_chunks_is_the_whole_answer(events: list[StreamEvent]) -> None:
    assert told(streamed(events)) == told(whole(events))


@given(answers())
def test_what_langchain_would_add_up_is_on_one_chunk(events: list[StreamEvent]) -> None:
    chunks = chunks_of(events)
    infos = [chunk.generation_info or {} for chunk in chunks]
    assert [info["model_name"] for info in infos if "model_name" in info] == [
        "m-2026" if STARTED in events else "asked"
    ]
    assert sum("finish_reason" in info for info in infos) == any(
        isinstance(event, Finished) and event.choice == 0 for event in events
    )
    messages = [chunk.message for chunk in chunks]
    assert all(isinstance(message, AIMessageChunk) for message in messages)
    assert sum(getattr(message, "usage_metadata", None) is not None for message in messages) == any(
        isinstance(event, UsageReported) for event in events
    )
    assert [getattr(message, "chunk_position", None) for message in messages] == [None] * (len(messages) - 1) + ["last"]
    assert {message.id for message in messages} == {"chatcmpl-1" if STARTED in events else None}


@given(answers())
def test_no_call_is_run_that_a_whole_answer_would_not_run(events: list[StreamEvent]) -> None:
    message = message_chunk_to_message(streamed(events).message)
    said = fold([event for event in events if getattr(event, "choice", 0) == 0]).message
    assert isinstance(message, AIMessage)
    assert message.tool_calls == read_tool_calls(said.tool_calls)[0]


EVERYTHING: tuple[StreamEvent, ...] = (
    STARTED,
    ReasoningDelta(text="H"),
    ReasoningDelta(text="m"),
    TextDelta(text="Hel"),
    LogprobsDelta(logprobs=logprobs("Hel")),
    TextDelta(text="lo"),
    LogprobsDelta(logprobs=logprobs("lo")),
    LogprobsDelta(logprobs=logprobs("")),
    ToolCallDelta(index=0, id="c1", name="add", arguments='{"a"'),
    ToolCallDelta(index=1, id="c2", name="add"),
    ToolCallDelta(index=0, arguments=": 1}"),
    ToolCallDelta(index=1, arguments='{"a": "half'),
    RefusalDelta(text="No, "),
    RefusalDelta(text="thanks."),
    Finished(reason="tool_calls"),
    COUNTED,
)
REASONING = {"type": "reasoning", "reasoning": "Hm"}
TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "tool_call", "id": "c1", "name": "add", "args": {"a": 1}}
REFUSAL = {"type": "refusal", "refusal": "No, thanks."}


def answer_of(events: Sequence[StreamEvent], *, stream: bool, **parameters: Any) -> AIMessage:
    model = OCAChatModel(token_manager=FakeTokenManager(events), **parameters)
    if not stream:
        return model.invoke("Hi")
    first, *more = model.stream("Hi")
    return first.__add__(more)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_says_all_that_the_upstream_said(*, stream: bool) -> None:
    answer = answer_of(EVERYTHING, stream=stream)

    assert (answer.text, answer.id) == ("Hello", "chatcmpl-1")
    assert answer.additional_kwargs == {"reasoning_content": "Hm", "refusal": "No, thanks."}
    assert answer.tool_calls == [CALL]
    assert [call["id"] for call in answer.invalid_tool_calls] == ["c2"]
    assert answer.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 7,
        "total_tokens": 12,
        "input_token_details": {"audio": 1, "cache_read": 3, "cache_creation": 0},
        "output_token_details": {"audio": 2, "reasoning": 4},
    }
    assert answer.response_metadata == {
        "model_name": "m-2026",
        "model_provider": "oca",
        "finish_reason": "tool_calls",
        "system_fingerprint": "fp",
        "service_tier": "flex",
        "logprobs": {"content": [logprobs(token)["content"][0] for token in ("Hel", "lo", "")]},
    }
    assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - our own


@pytest.mark.parametrize("stream", [False, True])
def test_its_content_blocks_are_langchains_with_the_refusal_last(*, stream: bool) -> None:
    answer = answer_of(EVERYTHING, stream=stream)

    assert [dict(block) for block in answer.content_blocks] == [REASONING, TEXT, CALL, REFUSAL]
    plain = answer_of([TextDelta(text="Hello"), Finished(reason="stop")], stream=stream)
    assert [dict(block) for block in plain.content_blocks] == [TEXT]


@pytest.mark.parametrize("stream", [False, True])
def test_in_langchains_output_of_today_the_blocks_are_the_content(*, stream: bool) -> None:
    answer = answer_of(EVERYTHING, stream=stream, output_version="v1")

    assert isinstance(answer.content, list)
    blocks = [
        {key: value for key, value in block.items() if key != "index"}
        for block in answer.content
        # A call that broke off stays in a stream's content as its pieces.
        if isinstance(block, dict) and block["type"] != "tool_call_chunk"
    ]
    assert blocks == [REASONING, TEXT, CALL, REFUSAL]
    assert answer.tool_calls == [CALL]
    assert [call["id"] for call in answer.invalid_tool_calls] == ["c2"]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_thinking_aloud_and_refusing_can_be_followed_block_by_block(output_version: str) -> None:
    model = OCAChatModel(token_manager=FakeTokenManager(EVERYTHING), output_version=output_version)
    kinds = [block["type"] for chunk in model.stream("Hi") for block in chunk.content_blocks]
    known = ["reasoning"] * 2 + ["text"] * 2 + ["tool_call_chunk"] * 4 + ["refusal"] * 2
    assert [kind for kind in kinds if kind != "invalid_tool_call"][: len(known)] == known


def test_an_upstream_that_tells_nothing_of_itself_leaves_the_name_that_was_asked_for() -> None:
    for generation in (streamed([TextDelta(text="x")]), whole([TextDelta(text="x")])):
        assert told(generation)["response_metadata"] == {"model_name": "asked", "model_provider": "oca"}
        assert (told(generation)["usage"], told(generation)["id"]) == (None, None)
    assert chat_result(fold([TextDelta(text="x")]), model="asked").llm_output == {"model_name": "asked"}


def test_several_choices_are_counted_once_and_do_not_share_an_id() -> None:
    choices = tuple(Choice(message=Message(role="assistant", content=(TextPart(text=text),))) for text in "ab")
    result = chat_result(ChatResponse(choices=choices, usage=USAGE, id="chatcmpl-1"), model="m")
    first, second = (generation.message for generation in result.generations)
    assert isinstance(first, AIMessage)
    assert isinstance(second, AIMessage)
    assert [message.text for message in (first, second)] == ["a", "b"]
    assert (first.usage_metadata, second.usage_metadata) == (usage_metadata(USAGE), None)
    # LangGraph keeps one message of each id; LangChain gives one to those that have none.
    assert (first.id, second.id) == ("chatcmpl-1", None)


def test_usage_says_what_the_upstream_says_and_no_more() -> None:
    assert usage_metadata(Usage(input_tokens=1, output_tokens=2)) == {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "input_token_details": {},
        "output_token_details": {},
    }


def test_telling_langchain_of_our_messages_twice_changes_nothing() -> None:
    message = AIMessage("", additional_kwargs={"refusal": "No"}, response_metadata={"model_provider": "oca"})
    for _ in range(2):
        register()
        assert [dict(block) for block in message.content_blocks] == [{"type": "refusal", "refusal": "No"}]
    assert message.response_metadata == {"model_provider": "oca"}

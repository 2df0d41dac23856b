"""A whole answer is the fold of its stream."""

from domain.chat import ImagePart, Message, TextPart, ToolCall, Usage
from domain.events import AnswerStarted, Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageReported, fold


def test_pieces_of_text_and_reasoning_are_joined_apart_from_each_other() -> None:
    response = fold(
        [
            AnswerStarted(id="a1", model="m"),
            ReasoningDelta(text="hm"),
            TextDelta(text="你"),
            ReasoningDelta(text="m"),
            TextDelta(text="好"),
            Finished(reason="stop"),
            UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
        ]
    )
    assert (response.message.text, response.message.reasoning) == ("你好", "hmm")
    assert (response.id, response.model, response.finish_reason) == ("a1", "m", "stop")
    assert response.usage == Usage(input_tokens=1, output_tokens=2)


def test_interleaved_tool_calls_grow_each_at_its_own_index() -> None:
    response = fold(
        [
            ToolCallDelta(index=1, id="b", name="two", arguments="{"),
            ToolCallDelta(index=0, id="a", name="one"),
            ToolCallDelta(index=1, arguments="}"),
            ToolCallDelta(index=0, id="ignored", name="ignored", arguments="{}"),
        ]
    )
    assert response.message.tool_calls == (
        ToolCall(id="a", name="one", arguments="{}"),
        ToolCall(id="b", name="two", arguments="{}"),
    )


def test_no_events_make_an_empty_answer_that_does_not_claim_to_have_finished() -> None:
    response = fold([])
    assert (response.message, response.finish_reason, response.usage) == (Message(role="assistant"), None, None)


def test_a_messages_text_leaves_out_what_is_no_text_and_its_repr_the_images_bytes() -> None:
    image = ImagePart(url="data:image/png;base64,AAAA")
    message = Message(role="user", content=(TextPart(text="a"), image, TextPart(text="b")))
    assert message.text == "ab"
    assert "AAAA" not in repr(message)


def test_the_first_choice_is_there_even_when_nothing_was_said_of_it() -> None:
    response = fold([TextDelta(text="second", choice=1)])
    assert [choice.message.text for choice in response.choices] == ["", "second"]

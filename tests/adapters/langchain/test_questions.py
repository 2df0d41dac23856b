"""A LangChain call as a question of the domain."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel

from adapters.langchain.parameters import CallParameters
from adapters.langchain.questions import question_of, terms_of
from domain.chat import OtherTool, Tool

PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}}
HI = [HumanMessage("Hi")]


class Add(BaseModel):
    """Adds."""

    a: int


def call_with(*, repair: bool = True, system_prompt: str | None = None, **sent: Any) -> CallParameters:
    return CallParameters(
        base_url="https://x.example/v1",
        sent={"model": "m", **sent},
        timeout=timedelta(seconds=3),
        stream_chunk_timeout=None,
        max_retries=4,
        stream_usage=False,
        system_prompt=system_prompt,
        repair_tool_calls=repair,
        headers=(("x-team", "blue"),),
    )


def test_what_the_domain_has_a_place_for_stands_there_and_the_rest_beside_it() -> None:
    call = call_with(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        stop="END",
        reasoning_effort="low",
        seed=1,
        parallel_tool_calls=False,
        max_completion_tokens=9,
    )
    question = question_of(HI, call)
    assert (question.model, question.temperature, question.top_p, question.max_tokens) == ("m", 0.5, 0.9, 7)
    assert (question.stop, question.reasoning_effort, question.stream_usage) == (("END",), "low", False)
    assert question.extras == {"seed": 1, "parallel_tool_calls": False, "max_completion_tokens": 9}
    assert dict(call.sent)["stop"] == "END"


@pytest.mark.parametrize(("stop", "stops"), [(None, ()), ("a", ("a",)), (["a", "b"], ("a", "b")), ([], ())])
def test_stops_are_one_or_several(stop: Any, stops: tuple[str, ...]) -> None:
    assert question_of(HI, call_with(stop=stop)).stop == stops


def test_tools_and_their_choice_may_be_given_to_the_call_itself() -> None:
    question = question_of(HI, call_with(tools=[Add, {"type": "web_search"}], tool_choice="Add"))
    add, search = question.tools
    assert isinstance(add, Tool)
    assert (add.name, add.description) == ("Add", "Adds.")
    assert search == OtherTool(raw={"type": "web_search"})
    assert question.tool_choice == {"type": "function", "function": {"name": "Add"}}


@pytest.mark.parametrize("choice", ["auto", "none", "any", "required", True, False, None])
def test_where_there_are_no_tools_there_is_no_choice(choice: Any) -> None:
    assert question_of(HI, call_with(tool_choice=choice)).tool_choice is None
    assert question_of(HI, call_with(tools=[], tool_choice=choice)).tool_choice is None


def test_a_choice_that_is_not_on_offer_is_refused() -> None:
    with pytest.raises(ValueError, match="not among the tools: there are none"):
        question_of(HI, call_with(tool_choice="Add"))


def test_the_form_of_an_answer_may_be_given_to_the_call_itself() -> None:
    wanted = question_of(HI, call_with(response_format=Add)).extras["response_format"]
    assert (wanted["type"], wanted["json_schema"]["name"]) == ("json_schema", "Add")
    plain = {"type": "json_object"}
    assert question_of(HI, call_with(response_format=plain)).extras["response_format"] == plain


def test_a_broken_history_is_made_whole_and_the_log_says_so_without_telling_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = AIMessage("", tool_calls=[{"name": "add", "args": {"a": "secret"}, "id": "c1", "type": "tool_call"}])
    history = [HumanMessage("Add!"), called, HumanMessage("Never mind")]
    with caplog.at_level(logging.WARNING, logger="oca.langchain"):
        whole = question_of(history, call_with())
    assert [message.role for message in whole.messages] == ["user", "assistant", "tool", "user"]
    assert "c1" in caplog.text
    assert "secret" not in caplog.text

    caplog.clear()
    as_it_is = question_of(history, call_with(repair=False))
    assert [message.role for message in as_it_is.messages] == ["user", "assistant", "user"]
    question_of([*history[:2], ToolMessage("3", tool_call_id="c1")], call_with())
    assert caplog.text == ""


def test_the_system_prompt_stands_before_a_conversation_that_has_none() -> None:
    assert [each.text for each in question_of(HI, call_with(system_prompt="Be kind")).messages] == ["Be kind", "Hi"]
    mine = [SystemMessage("Mine"), *HI]
    assert [each.text for each in question_of(mine, call_with(system_prompt="Be kind")).messages] == ["Mine", "Hi"]


def test_the_terms_are_those_of_the_call() -> None:
    terms = terms_of(call_with())
    assert (terms.silence, terms.between_chunks, terms.retries) == (timedelta(seconds=3), None, 4)
    assert terms.headers == (("x-team", "blue"),)
    assert "blue" not in repr(terms)

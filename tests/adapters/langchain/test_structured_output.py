"""Answers of a given form, by every method, in every form of schema, in all four ways to ask."""

import copy
import json
import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ValidationError, field_validator

from adapters.langchain import OCAChatModel
from domain.chat import ChatRequest, Tool
from tests.adapters.langchain.jokes import (
    JOKE_SCHEMA,
    SAID,
    Joke,
    JokeOfBefore,
    JokeTyped,
    Method,
    answer,
    methods,
    model_that_says,
    name_of,
    outcomes,
    schemas,
    ways,
    with_raw,
)
from tests.adapters.langchain.ways import Way
from tests.fakes.chat import FakeTokenManager


class Picky(BaseModel):
    setup: str

    @field_validator("setup")
    @classmethod
    def _look(cls, setup: str) -> str:
        raise LookupError(setup)


def asked(model: OCAChatModel) -> ChatRequest:
    assert isinstance(model.token_manager, FakeTokenManager)
    return model.token_manager.scripts.asked[-1][0]


@ways
@methods
@schemas
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_an_answer_is_parsed_by_every_method_in_every_way(
    way: Way, method: Method, schema: Any, expected: Any, output_version: str
) -> None:
    events = answer(method, json.dumps(SAID), name=name_of(schema))
    parsed = outcomes(
        way, model_that_says(events, output_version=output_version).with_structured_output(schema, method=method)
    )
    assert parsed[-1] == expected
    if isinstance(schema, type) and schema is not JokeTyped:
        assert all(isinstance(each, schema) for each in parsed)


@ways
@methods
@schemas
def test_the_raw_answer_comes_beside_the_parsed_one(way: Way, method: Method, schema: Any, expected: Any) -> None:
    events = answer(method, json.dumps(SAID), name=name_of(schema))
    result = with_raw(way, model_that_says(events).with_structured_output(schema, method=method, include_raw=True))
    assert (result["parsed"], result["parsing_error"]) == (expected, None)
    assert result["raw"].response_metadata["finish_reason"]


def test_the_raw_answer_streams_and_what_was_made_of_it_comes_last() -> None:
    model = model_that_says(answer("json_schema", json.dumps(SAID)))
    *raw, last = model.with_structured_output(Joke, include_raw=True).stream("Hi")
    assert "".join(each["raw"].text for each in raw) == json.dumps(SAID)
    assert last == {"parsed": Joke(**SAID), "parsing_error": None}  # type: ignore[arg-type]


def test_a_dict_grows_while_its_answer_streams() -> None:
    parsed = list(
        model_that_says(answer("json_schema", json.dumps(SAID))).with_structured_output(JOKE_SCHEMA).stream("Hi")
    )
    assert len(parsed) > 1
    assert all(set(each) <= set(SAID) for each in parsed)


BAD: dict[str, str] = {
    "not JSON": "Why not?",
    "a field too few": '{"setup": "Why?"}',
    "a field of another kind": '{"setup": "Why?", "stars": "many"}',
    "no object": "[1, 2]",
}


@ways
@methods
@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("schema", [Joke, JokeOfBefore])
def test_an_answer_of_another_form_is_an_error_in_every_way(way: Way, method: Method, words: str, schema: Any) -> None:
    structured = model_that_says(answer(method, words, name=schema.__name__)).with_structured_output(
        schema, method=method
    )
    with pytest.raises(ValueError, match=r"."):
        outcomes(way, structured)


@ways
@methods
@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_beside_the_raw_answer_the_error_is_told_and_not_raised(way: Way, method: Method, words: str) -> None:
    model = model_that_says(answer(method, words))
    result = with_raw(way, model.with_structured_output(Joke, method=method, include_raw=True))
    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], OutputParserException | ValidationError)


@ways
@methods
def test_whatever_a_validator_raises_is_told_beside_the_raw_answer(way: Way, method: Method) -> None:
    model = model_that_says(answer(method, '{"setup": "Why?"}', name="Picky"))
    result = with_raw(way, model.with_structured_output(Picky, method=method, include_raw=True))
    assert isinstance(result["parsing_error"], LookupError)


def weather(city: str) -> str:
    """The weather."""
    return city


@ways
@schemas
def test_beside_tools_the_model_answers_or_calls_one_first(way: Way, schema: Any, expected: Any) -> None:
    calls = answer("function_calling", '{"city": "Bern"}', name="weather")
    model = model_that_says(calls)
    assert outcomes(way, model.with_structured_output(schema, tools=[weather])) in ([], [None])
    request = asked(model)
    assert [tool.name for tool in request.tools if isinstance(tool, Tool)] == ["weather"]
    assert request.extras["response_format"]["type"] == "json_schema"

    raw = with_raw(way, model_that_says(calls).with_structured_output(schema, tools=[weather], include_raw=True))
    assert (raw["parsed"], raw["parsing_error"]) == (None, None)
    assert [call["name"] for call in raw["raw"].tool_calls] == ["weather"]

    answers = model_that_says(answer("json_schema", json.dumps(SAID)))
    assert outcomes(way, answers.with_structured_output(schema, tools=[weather]))[-1] == expected


def test_a_method_asks_as_it_says() -> None:
    model = model_that_says(answer("json_schema", json.dumps(SAID)))
    model.with_structured_output(Joke).invoke("Hi")
    wanted = asked(model).extras["response_format"]["json_schema"]
    assert (wanted["name"], wanted["strict"]) == ("Joke", True)

    model.with_structured_output(Joke, strict=False).invoke("Hi")
    assert asked(model).extras["response_format"]["json_schema"]["strict"] is False

    model.with_structured_output(None, method="json_mode", temperature=0.5).invoke("Hi")
    assert asked(model).extras["response_format"] == {"type": "json_object"}
    assert asked(model).temperature == 0.5

    model = model_that_says(answer("function_calling", json.dumps(SAID)))
    model.with_structured_output(Joke, method="function_calling", strict=True, parallel_tool_calls=None).invoke("Hi")
    request = asked(model)
    assert request.tool_choice == {"type": "function", "function": {"name": "Joke"}}
    assert [tool.strict for tool in request.tools if isinstance(tool, Tool)] == [True]
    assert "parallel_tool_calls" not in request.extras
    assert "response_format" not in request.extras
    model.with_structured_output(Joke, method="function_calling").invoke("Hi")
    assert asked(model).extras["parallel_tool_calls"] is False


def test_json_mode_without_a_schema_gives_what_the_model_says() -> None:
    assert model_that_says(answer("json_mode", "[1, 2]")).with_structured_output(None, method="json_mode").invoke(
        "Hi"
    ) == [
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"schema": Joke, "method": "xml"}, "must be one of: json_schema, function_calling, json_mode"),
        ({"schema": None}, "schema must be given"),
        ({"schema": None, "method": "function_calling"}, "schema must be given"),
        ({"schema": Joke, "method": "json_mode", "strict": True}, "strict goes with a schema"),
        ({"schema": Joke, "method": "function_calling", "tools": [weather]}, "tools go with the method json_schema"),
        ({"schema": {"type": "object", "properties": {}}}, "Unsupported function"),
        ({"schema": 5}, "Unsupported function"),
        ({"schema": 5, "method": "function_calling"}, "Unsupported function"),
        ({"schema": {"name": "x", "schema": {}, "strict": False}, "strict": True}, "contradicts"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_sent(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        model_that_says([]).with_structured_output(**arguments)


@pytest.mark.parametrize("include_raw", [False, True])
@methods
def test_it_can_be_drawn_copied_and_sent_to_another_process(method: Method, *, include_raw: bool) -> None:
    structured: Any = model_that_says([]).with_structured_output(Joke, method=method, include_raw=include_raw)
    assert structured.get_graph().nodes
    assert structured.get_input_schema()
    assert structured.get_output_schema()
    assert copy.deepcopy(structured)
    assert "fake-key" not in repr(structured)
    again = pickle.loads(pickle.dumps(structured))  # noqa: S301 - our own
    assert [type(step) for step in again.steps] == [type(step) for step in structured.steps]

"""Schemas of answers, whatever they are written in, as the wire has them."""

from types import MappingProxyType
from typing import Any

import pytest
from openai.lib._parsing._completions import type_to_response_format_param
from pydantic import BaseModel

from adapters.langchain.tools import json_schema_format
from tests.adapters.langchain.offered import (
    ANTHROPIC,
    CLOSED,
    FUNCTION,
    PARAMETERS,
    Add,
    AddOfBefore,
    AddTyped,
    Box,
    Counts,
    Forest,
    Tree,
    Wire,
)


@pytest.mark.parametrize("kind", [Add, Tree, Forest])
def test_a_class_is_the_response_format_that_openais_client_makes_of_it(kind: type[BaseModel]) -> None:
    assert json_schema_format(kind) == json_schema_format(kind, strict=True) == type_to_response_format_param(kind)
    loose = json_schema_format(kind, strict=False)
    assert loose["json_schema"] == {"name": kind.__name__, "schema": kind.model_json_schema(), "strict": False}


def test_a_class_that_strict_mode_has_no_place_for_is_not_strict_unless_it_is_asked_to_be() -> None:
    """OpenAI's client asks it all the same, and is refused."""
    assert json_schema_format(Counts)["json_schema"] == {"name": "Counts", "schema": Counts.model_json_schema()}
    assert json_schema_format(Counts, strict=True) == type_to_response_format_param(Counts)


def test_a_class_of_pydantic_1_is_not_strict_of_itself_since_it_does_not_say_what_may_be_null() -> None:
    assert json_schema_format(AddOfBefore)["json_schema"] == {"name": "AddOfBefore", "schema": AddOfBefore.schema()}
    strict = json_schema_format(AddOfBefore, strict=True)["json_schema"]
    assert (strict["strict"], strict["schema"]["required"]) == (True, ["a", "b"])


def test_a_name_that_openai_would_not_take_is_mended() -> None:
    assert json_schema_format(Box[int])["json_schema"]["name"] == "Box_int_"
    assert json_schema_format({"title": "Ein Maß!" + "x" * 99, **PARAMETERS})["json_schema"]["name"] == (
        "Ein_Ma__" + "x" * 56
    )


TITLED: Wire = {"title": "add", "description": "Adds", **PARAMETERS}
OWN: Wire = {"type": "json_schema", "json_schema": {"name": "add", "schema": PARAMETERS}}


def of(schema: Wire, **more: Any) -> Wire:
    return {"type": "json_schema", "json_schema": {"name": "add", "schema": schema, **more}}


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (TITLED, of(PARAMETERS, description="Adds")),
        ({**TITLED, "strict": True}, of(CLOSED, description="Adds", strict=True)),
        ({**TITLED, "strict": False}, of(PARAMETERS, description="Adds", strict=False)),
        (FUNCTION["function"], of(PARAMETERS, description="Adds")),
        (ANTHROPIC, of(PARAMETERS, description="Adds")),
        ({"title": "add", "anyOf": [PARAMETERS]}, of({"anyOf": [PARAMETERS]})),
        (
            {"title": "add", "$ref": "#/$defs/x", "$defs": {"x": PARAMETERS}},
            of({"$ref": "#/$defs/x", "$defs": {"x": PARAMETERS}}),
        ),
        (OWN, OWN),
        (OWN["json_schema"], OWN),
        (of(PARAMETERS, strict=True), of(PARAMETERS, strict=True)),
        ({"type": "json_object"}, {"type": "json_object"}),
        ({"type": "text"}, {"type": "text"}),
        ({"title": "add", "type": "object", "properties": {"type": {"const": "text"}}}, None),
    ],
)
def test_a_schema_in_a_dict_is_taken_as_it_says(schema: Wire, sent: Wire | None) -> None:
    before = repr(schema)
    rest = {"type": "object", "properties": {"type": {"const": "text"}}}
    assert json_schema_format(schema) == (of(rest) if sent is None else sent)
    assert json_schema_format(MappingProxyType(schema)) == json_schema_format(schema)
    assert repr(schema) == before


@pytest.mark.parametrize("schema", [TITLED, FUNCTION["function"], OWN, OWN["json_schema"], of(PARAMETERS, strict=True)])
def test_a_schema_in_a_dict_is_strict_when_it_is_asked_to_be(schema: Wire) -> None:
    made = json_schema_format(schema, strict=True)["json_schema"]
    assert (made["strict"], made["schema"]) == (True, CLOSED)
    assert json_schema_format(json_schema_format(schema, strict=True)) == json_schema_format(schema, strict=True)


def test_a_typed_dict_is_a_schema_with_its_words() -> None:
    made = json_schema_format(AddTyped)["json_schema"]
    described = {"type": "object", "properties": {"a": {"type": "integer", "description": "The first"}}}
    assert made == {"name": "AddTyped", "description": "Adds.", "schema": {**described, "required": ["a"]}}


def test_strictness_that_contradicts_the_schemas_own_word_is_refused() -> None:
    with pytest.raises(ValueError, match="strict=True contradicts"):
        json_schema_format(of(PARAMETERS, strict=False), strict=True)


@pytest.mark.parametrize("schema", [PARAMETERS, {"x": 1}, 5, "add"])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported function"):
        json_schema_format(schema)

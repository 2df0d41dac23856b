"""Schemas to be adhered to strictly: what OpenAI takes and what it does not."""

from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from adapters.sandbox.strict_schemas import trouble_with
from tests.adapters.sandbox.exchanges import ask
from tests.adapters.sandbox.openai_schemas import assert_valid


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: None'."),
    ({"type": "array", "items": TEXT}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: 'array''."),
    (closed(a=TEXT) | {"additionalProperties": True}, "In context=(), 'additionalProperties' is required to be"),
    (closed(a=TEXT) | {"required": []}, "In context=(), 'required' is required to be supplied"),
    (closed(a=TEXT, b=TEXT) | {"required": ["a"]}, "Missing 'b'."),
    (closed(a={"type": "object"}), "In context=('properties', 'a'), 'additionalProperties'"),
    (closed(a={"type": "array", "items": {"properties": {}}}), "In context=('properties', 'a', 'items'), 'addi"),
    (closed(a={"anyOf": [TEXT, {"type": "object"}]}), "In context=('properties', 'a', 'anyOf', '1'), 'additional"),
    (closed(a={"oneOf": [TEXT]}), "In context=('properties', 'a'), 'oneOf' is not permitted."),
    (closed(a={"allOf": [TEXT]}), "'allOf' is not permitted."),
    (closed() | {"$defs": {"n": {"not": TEXT}}}, "In context=('$defs', 'n'), 'not' is not permitted."),
    (closed(a={"$ref": "#/$defs/n", "description": "d"}), "$ref cannot have keywords ['description']."),
]


@pytest.mark.parametrize(("schema", "words"), REFUSED)
def test_what_strict_mode_does_not_take_is_told_with_its_place(schema: dict[str, Any], words: str) -> None:
    assert words in str(trouble_with(schema))


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(a=TEXT, b={"type": ["string", "null"], "description": "d"}, c={"type": "integer", "default": 1}),
        closed(a={"anyOf": [TEXT, {"type": "null"}]}, b={"type": "array", "items": closed(c={"enum": ["x"]})}),
        closed(a={"$ref": "#/$defs/n"}) | {"$defs": {"n": closed(a={"$ref": "#/$defs/n"})}, "title": "t"},
        # A property may be called like a keyword.
        closed(**{"allOf": TEXT, "not": TEXT, "$ref": TEXT}),
    ],
)
def test_what_strict_mode_takes_is_no_trouble(schema: dict[str, Any]) -> None:
    assert trouble_with(schema) is None


@pytest.mark.parametrize("strict", [True, False, None])
def test_only_a_strict_schema_is_held_to_it(api: httpx.Client, strict: bool | None) -> None:
    schema = {"type": "object", "properties": {"a": TEXT}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": strict}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": strict}}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tools": [tool]}, "tools[0].function.parameters"),
        ({"response_format": wanted}, "response_format"),
    ]
    for fields, param in cases:
        response = api.post("/chat/completions", json=ask("Hi", **fields))
        if strict:
            assert response.status_code == 400
            assert_valid("ErrorResponse", response.json())
            assert response.json()["error"]["param"] == param
        else:
            assert response.status_code == 200, response.text


class Node(BaseModel):
    """Refers to itself."""

    name: str
    next: "Node | None" = None


def test_what_openais_client_makes_of_a_class_is_strict_enough(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="sandbox-chat",
        messages=[{"role": "user", "content": "Start with Ada"}],
        response_format=Node,
        tools=[openai.pydantic_function_tool(Node, name="link")],
    )

    assert answer.choices[0].message.parsed is not None
    assert answer.choices[0].message.parsed.name == "Ada"

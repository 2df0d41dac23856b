"""Instances made from JSON schemas, judged by jsonschema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.sandbox.patterns import matching_text
from adapters.sandbox.schema_instances import UnsatisfiableSchemaError, instance_of

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value", "left", "children"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: list[Any] = [
    True,
    {},
    {"type": "null"},
    {"const": {"a": 1}},
    {"enum": [3, 4]},
    {"type": ["null", "integer"]},
    {"type": "string", "minLength": 20},
    {"type": "string", "maxLength": 2},
    {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,}(?:x|y)+$"},
    {"type": "integer", "minimum": 1000},
    {"type": "integer", "exclusiveMaximum": -5},
    {"type": "integer", "minimum": 10, "multipleOf": 7},
    {"type": "integer", "minimum": 1.5, "maximum": 2.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
    {"type": "number", "multipleOf": 0.25, "minimum": 3.1},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "minProperties": 3},
    {"items": {"type": "integer"}, "minItems": 2},
    {"minimum": 5},
    {"anyOf": [False, True]},
    {"allOf": [True, {"const": 2}]},
    {"type": "array", "items": False},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"$defs": {"list": {"prefixItems": [{"const": 7}]}}, "$ref": "#/$defs/list/prefixItems/0"},
    {"properties": {"a": {"type": "string"}, "never": False}},
    {"anyOf": [{"type": "integer", "minimum": 3, "maximum": 1}, {"type": "string"}]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "anyOf": [{"required": ["a"]}]},
    {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"k": {"const": 1}}, "required": ["k"]}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"minimum": 8}]},
    {"$defs": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}, "required": ["x"]},
    TREE,
    *(
        {"type": "string", "format": name}
        for name in ("date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname")
    ),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@pytest.mark.parametrize("text", ["", "Meet Ada at 7, or 12.5, “soon”", "你好 3"])
def test_an_instance_satisfies_its_schema(schema: Any, text: str) -> None:
    assert_satisfied(schema, instance_of(schema, text))


_KINDS = ("integer", "multiple", "number", "string", "enum", "plain", "array", "anyOf", "object")


@st.composite
def schemas(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """A schema that can be satisfied, of the words that tools are described in."""
    low, room = draw(st.integers(-50, 50)), draw(st.integers(1, 9))
    match draw(st.sampled_from(_KINDS if depth < 3 else _KINDS[:6])):
        case "integer":
            return {"type": "integer", "minimum": low, "maximum": low + room}
        case "multiple":
            return {"type": "integer", "minimum": low, "multipleOf": room}
        case "number":
            return {"type": "number", "exclusiveMinimum": low, "maximum": low + room}
        case "string":
            return {"type": "string", "minLength": room, "maxLength": room + draw(st.integers(0, 5))}
        case "enum":
            return {"enum": draw(st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers()), min_size=1))}
        case "array":
            return {"type": "array", "items": draw(schemas(depth + 1)), "minItems": draw(st.integers(0, 3))}
        case "anyOf":
            return {"anyOf": draw(st.lists(schemas(depth + 1), min_size=1, max_size=3))}
        case "object":
            named = draw(st.dictionaries(st.text("abc", min_size=1, max_size=2), schemas(depth + 1), max_size=3))
            closed = draw(st.booleans())
            required = sorted(named)[:2]
            return {"type": "object", "properties": named, "required": required, "additionalProperties": not closed}
        case _:
            return draw(st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {}]))


def assert_satisfied(schema: Any, value: object) -> None:
    validator: Any = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(value)


@given(schema=schemas(), text=st.text(max_size=40))
def test_any_schema_of_the_usual_words_is_satisfied(schema: Any, text: str) -> None:
    assert_satisfied(schema, instance_of(schema, text))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"$ref": "#"},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"type": "string", "pattern": "(?=x)y"},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "items": False, "minItems": 1},
        {"type": "array", "items": {"type": "null"}, "minItems": 2, "uniqueItems": True},
        {"anyOf": [False]},
        {"allOf": [True, False]},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True},
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
    ],
    ids=str,
)
def test_what_cannot_be_made_is_refused(schema: Any) -> None:
    with pytest.raises(UnsatisfiableSchemaError):
        instance_of(schema)


def test_words_and_numbers_are_taken_from_the_text() -> None:
    schema = {
        "properties": {"who": {"type": "string"}, "age": {"type": "integer"}, "height": {"type": "number"}},
        "required": ["who", "age", "height"],
    }

    assert instance_of(schema, "This is Ada Lovelace, aged 36, 1.65 m") == {
        "who": "Ada Lovelace",
        "age": 36,
        "height": 1.65,
    }


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "^a|b$",
        r"\d{4}-\d{2}",
        "[^abc]",
        r"[\w.]+@[a-z]+\.com",
        "(a(b|c)){2}",
        "(?P<n>x)?y*z+?",
        r"\x41\u4e2d",
        "[中文]+",
        "[]a]",
    ],
)
def test_a_pattern_is_matched(pattern: str) -> None:
    assert matching_text(pattern) is not None


@pytest.mark.parametrize("pattern", ["(", "[", "a{5000}", r"(a)\1", "(?!a)a", "a)b", "\\"])
def test_a_pattern_beyond_the_sandbox_is_given_up(pattern: str) -> None:
    assert matching_text(pattern) is None

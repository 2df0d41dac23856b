"""JSON schemas made strict, beside what OpenAI's own client makes of them."""

import copy
from typing import Annotated, Any, Literal, Optional, Union, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field

from adapters.langchain.strict_schema import strict_schema, takes_strict_mode

Schema = dict[str, Any]


class Plain(BaseModel):
    """A plain thing."""

    name: str = Field(description="Its name")
    size: int = 3
    tags: list[str] = []
    kind: Literal["a", "b"] = "a"


class Optionals(BaseModel):
    needed: int | None
    left_out: Optional[str] = None  # noqa: UP045 - both forms
    either: Union[int, str, None] = Field(default=None, description="Either")  # noqa: UP007 - both forms


class Nested(BaseModel):
    plain: Plain
    described: Plain = Field(description="With words of its own")
    many: list[Plain]
    maybe: Plain | None = Field(default=None, description="Perhaps")
    pair: tuple[Plain, int]


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []
    parent: Optional["Tree"] = Field(default=None, description="None at the root")


class Left(BaseModel):
    right: "Right | None" = None


class Right(BaseModel):
    left: Left | None = None


class Named(BaseModel):
    """Fields with the names of keywords."""

    properties: str
    required: int
    default: int | None = None
    type: Plain
    items: list[int]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class FreeForm(BaseModel):
    counts: dict[str, int]


class Anything(BaseModel):
    it: Any


class SelfDescribed(BaseModel):
    me: "SelfDescribed" = Field(description="Again")


CLASSES = (Plain, Optionals, Nested, Tree, Left, Named, Pet, FreeForm, Anything)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_class_becomes_what_openais_client_makes_of_it(kind: type[BaseModel]) -> None:
    assert strict_schema(kind.model_json_schema()) == to_strict_json_schema(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_strict_mode_is_for_classes_that_it_has_a_place_for(kind: type[BaseModel]) -> None:
    # A union by discriminator is a `oneOf`, and a dict an object of any keys: OpenAI refuses both.
    assert takes_strict_mode(strict_schema(kind.model_json_schema())) == (kind not in (Pet, FreeForm, Anything))


def test_a_class_that_holds_its_own_kind_with_words_comes_to_an_end() -> None:
    """OpenAI's client does not come back from it."""
    made = strict_schema(SelfDescribed.model_json_schema())
    reference = {"$ref": "#/$defs/SelfDescribed"}
    assert made["properties"] == {"me": reference}
    assert made["$defs"]["SelfDescribed"]["properties"] == {"me": reference}
    assert takes_strict_mode(made)


def test_a_reference_that_leads_through_others_is_written_out_to_its_end() -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/a~1b", "description": "Mine"}, "y": {"allOf": [{"$ref": "#/$defs/end"}]}},
        "$defs": {"a/b": {"allOf": [{"$ref": "#/$defs/end"}]}, "end": {"type": "integer", "description": "Theirs"}},
    }
    made = strict_schema(schema)
    assert made["properties"] == {"x": {"type": "integer", "description": "Mine"}, "y": {"$ref": "#/$defs/end"}}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/none", "description": "x"},
        {"$ref": "https://example.com/schema", "description": "x"},
        {"type": "array", "items": True},
        {"type": "string", "enum": ["properties", {"type": "object"}]},
        {"type": "string", "discriminator": {"propertyName": "x", "mapping": {"properties": "y", "type": "object"}}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"const": {"type": "object", "properties": {}}},
        {"type": "string", "default": {"type": "object"}},
    ],
)
def test_what_is_no_business_of_strict_mode_stays_as_it_is(schema: Schema) -> None:
    assert strict_schema(schema) == schema


def test_an_object_that_may_be_null_is_closed_like_any_other() -> None:
    made = strict_schema({"type": ["object", "null"], "properties": {"a": {"type": "string"}}})
    assert (made["additionalProperties"], made["required"]) == (False, ["a"])


Schemas = st.SearchStrategy[Schema]
NAMES = st.sampled_from(["a", "b", "properties", "$ref", "type", "default"])
MORE: tuple[Schema, ...] = (
    {},
    {"description": "x"},
    {"default": None},
    {"properties": {"p": {"type": "string"}}},
)
LEAVES: tuple[Schema, ...] = (
    {"type": "string", "default": None},
    {"type": "object"},
    {"type": "object", "additionalProperties": True},
    *({"$ref": f"#/$defs/{name}", **more} for name in ("a", "b", "nowhere") for more in MORE),
)


def _grown(inner: Schemas) -> Schemas:
    row = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        _with("properties", st.dictionaries(NAMES, inner, max_size=2), type="object"),
        _with("items", inner, type="array", description="x"),
        _with("anyOf", row),
        _with("allOf", row, title="x"),
        _with("additionalProperties", inner, type="object"),
    )


def _with(key: str, values: st.SearchStrategy[Any], **more: Any) -> Schemas:
    def made(value: Any) -> Schema:
        return {**more, key: value}

    return values.map(made)


def _document(parts: tuple[Schema, Schema, Schema]) -> Schema:
    root, a, b = parts
    return {**root, "$defs": {"a": a, "b": b}}


_PART: Schemas = st.recursive(st.sampled_from(LEAVES), _grown, max_leaves=4)
SCHEMAS: Schemas = st.tuples(_PART, _PART, _PART).map(_document)


@given(SCHEMAS)
def test_any_schema_is_done_in_one_go_and_stays_as_it_was(schema: Schema) -> None:
    before = copy.deepcopy(schema)
    made = strict_schema(schema)
    assert schema == before
    assert strict_schema(made) == made
    for node in _objects(made):
        assert "additionalProperties" in node
        if "properties" in node:
            assert node["required"] == list(node["properties"])


def _objects(node: Schema) -> list[Schema]:
    """The schemas of objects, looked for wherever a schema can be."""
    below: list[Any] = [node.get("items"), node.get("additionalProperties")]
    below += [*node.get("anyOf", ()), *node.get("allOf", ())]
    below += [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    found = [each for schema in below if isinstance(schema, dict) for each in _objects(cast("Schema", schema))]
    return [node, *found] if node.get("type") == "object" else found

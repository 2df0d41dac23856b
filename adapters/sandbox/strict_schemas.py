"""What OpenAI asks of a JSON schema that is to be adhered to strictly.

Structured Outputs guide, "Supported schemas". Defaults are let pass: OpenAI does so by now, and Azure alone does not.
"""

from typing import Any

from adapters.sandbox.json_values import JsonObject, as_array, as_object

_UNSUPPORTED = (
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "contains",
)
_NAMED_SCHEMAS = ("properties", "$defs", "definitions")
_ARRAYS_OF_SCHEMAS = ("anyOf", "prefixItems")


def trouble_with(schema: JsonObject) -> str | None:
    """The first thing that strict mode does not take, in OpenAI's words; None when there is none."""
    kind = schema.get("type")
    if kind != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind!r}'."
    return _trouble(schema, ())


def _trouble(value: Any, place: tuple[str, ...]) -> str | None:
    schema = as_object(value)
    if schema is None:
        return None
    own = _own_trouble(schema)
    if own is not None:
        return f"In context={place!r}, {own}"
    return next((found for key, inner in _inner(schema) if (found := _trouble(inner, (*place, *key)))), None)


def _own_trouble(schema: JsonObject) -> str | None:
    if "$ref" in schema and not set(schema) <= {"$ref", "$defs", "definitions"}:
        return f"$ref cannot have keywords {sorted(set(schema) - {'$ref'})}."
    for word in _UNSUPPORTED:
        if word in schema:
            return f"{word!r} is not permitted."
    if schema.get("type") != "object" and "properties" not in schema:
        return None
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    required = as_array(schema.get("required")) or []
    missing = [name for name in as_object(schema.get("properties")) or {} if name not in required]
    if missing:
        return (
            "'required' is required to be supplied and to be an array including every key in properties. "
            f"Missing {missing[0]!r}."
        )
    return None


def _inner(schema: JsonObject) -> list[tuple[tuple[str, ...], Any]]:
    """The schemas within, each with the way to it."""
    found = [
        ((word, name), each) for word in _NAMED_SCHEMAS for name, each in (as_object(schema.get(word)) or {}).items()
    ]
    for word in _ARRAYS_OF_SCHEMAS:
        found += [((word, str(index)), each) for index, each in enumerate(as_array(schema.get(word)) or [])]
    return [*found, (("items",), schema.get("items"))]

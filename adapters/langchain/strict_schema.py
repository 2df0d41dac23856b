"""A JSON schema as OpenAI's strict mode demands it (Structured Outputs guide, "Supported schemas")."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = Mapping[str, Any]

# Where a schema holds others: by name, in a row, or one.
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_IN_A_ROW = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_ONE = frozenset({"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"})
_NOT_TAKEN = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentRequired", "dependentSchemas"}
)
_KINDS = ("type", "anyOf", "enum", "const", "$ref")


def strict_schema(schema: Schema) -> dict[str, Any]:
    """The same schema where every object is closed and requires all of its properties; `schema` stays as it is.

    What may be left out in Python must then be said as null: `x: int | None = None` allows it. What strict mode has no
    place for, such as an object of any keys, is left as it is, for the upstream to refuse.
    """
    return _strict(schema, schema, ())


def takes_strict_mode(schema: Schema) -> bool:
    """Whether strict mode has a place for everything in a schema that `strict_schema` has made."""
    return all(_is_taken(node) for node in _nodes(schema))


def _strict(schema: Schema, root: Schema, inside: tuple[str, ...]) -> dict[str, Any]:
    """`inside` are the references whose definitions stand in their place around this one."""
    members, inside = _without_detours(schema, root, inside)
    made = {key: _below(key, value, root, inside) for key, value in members.items()}
    if "default" in made and made["default"] is None:
        del made["default"]
    if _is_object(made):
        made.setdefault("additionalProperties", False)
    if isinstance(properties := made.get("properties"), dict):
        made["required"] = list(cast("dict[str, Any]", properties))
    return made


def _below(key: str, value: Any, root: Schema, inside: tuple[str, ...]) -> Any:
    if key in _BY_NAME and isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return {name: _strict_if_schema(each, root, inside) for name, each in named.items()}
    if key in _IN_A_ROW and isinstance(value, list):
        return [_strict_if_schema(each, root, inside) for each in cast("list[object]", value)]
    return _strict_if_schema(value, root, inside) if key in _ONE else value


def _strict_if_schema(value: object, root: Schema, inside: tuple[str, ...]) -> Any:
    # `true` and `false` are schemas, too (JSON Schema core, section 4.3.2).
    return _strict(cast("Schema", value), root, inside) if isinstance(value, Mapping) else value


def _without_detours(schema: Schema, root: Schema, inside: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A schema whose `allOf` of one, and whose reference with keywords beside it, are written out in their place."""
    members = dict(schema)
    passed = list(inside)
    while True:
        reference: object = members.get("$ref")
        if (only := _only_one(members.get("allOf"))) is not None:
            del members["allOf"]
            members = {**only, **members}
        elif not isinstance(reference, str) or len(members) == 1 or (target := _find(reference, root)) is None:
            return members, tuple(passed)
        elif reference in passed:
            # Strict mode takes no keywords beside a reference, and this one would lead round and round.
            return {"$ref": reference}, tuple(passed)
        else:
            del members["$ref"]
            members = {**target, **members}
            passed.append(reference)


def _only_one(schemas: object) -> Schema | None:
    row = cast("list[object]", schemas) if isinstance(schemas, list) else []
    only = row[0] if len(row) == 1 else None
    return cast("Schema", only) if isinstance(only, Mapping) else None


def _find(reference: str, root: Schema) -> Schema | None:
    """The definition that a reference into the same document means (RFC 6901); None for one that leads nowhere."""
    if not reference.startswith("#/"):
        return None
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        node = cast("Schema", node).get(name) if isinstance(node, Mapping) else None
    return cast("Schema", node) if isinstance(node, Mapping) else None


def _nodes(schema: Schema) -> Iterator[Schema]:
    yield schema
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, Mapping):
            below: list[object] = list(cast("Mapping[str, object]", value).values())
        elif key in _IN_A_ROW and isinstance(value, list):
            below = cast("list[object]", value)
        else:
            below = [value] if key in _ONE else []
        for each in below:
            if isinstance(each, Mapping):
                yield from _nodes(cast("Schema", each))


def _is_taken(node: Schema) -> bool:
    if not _NOT_TAKEN.isdisjoint(node) or not any(kind in node for kind in _KINDS):
        return False
    return not _is_object(node) or node.get("additionalProperties") is False


def _is_object(node: Schema) -> bool:
    kind: object = node.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)

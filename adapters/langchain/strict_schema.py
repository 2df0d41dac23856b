"""A JSON schema as OpenAI's strict mode demands it (Structured Outputs guide, "Supported schemas")."""

from collections.abc import Mapping
from typing import Any, cast


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema where every object is closed and requires all of its properties; nothing of it is changed.

    What may be left out in Python must then be said as null: `x: int | None = None` allows it.
    """
    return cast("dict[str, Any]", _strict(schema, schema, ()))


def _strict(node: Any, root: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    """`inside` are the references whose definitions stand in their place around this node."""
    if isinstance(node, list):
        return [_strict(item, root, inside) for item in node]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(node, Mapping):
        return node
    members = dict(cast("Mapping[str, Any]", node))
    reference = members.get("$ref")
    if isinstance(reference, str) and len(members) > 1:
        # Strict mode takes no keywords beside a reference: the definition itself stands in its place.
        target = _find(reference, root)
        if target is None or reference in inside:
            return {"$ref": reference}
        members.pop("$ref")
        members = {**target, **members}
        inside = (*inside, reference)
    alternatives = members.get("allOf")
    if isinstance(alternatives, list) and len(cast("list[Any]", alternatives)) == 1:
        members.pop("allOf")
        members = {**cast("list[dict[str, Any]]", alternatives)[0], **members}
    if "default" in members and members["default"] is None:
        members.pop("default")
    made = {
        key: {name: _strict(each, root, inside) for name, each in cast("dict[str, Any]", value).items()}
        if key in ("properties", "$defs", "definitions") and isinstance(value, dict)
        else value
        if key in ("enum", "const", "default", "required", "examples")
        else _strict(value, root, inside)
        for key, value in members.items()
    }
    if made.get("type") == "object" or "properties" in made:
        made["additionalProperties"] = False
        made["required"] = list(cast("dict[str, Any]", made.get("properties") or {}))
    return made


def _find(reference: str, root: Mapping[str, Any]) -> dict[str, Any] | None:
    """The definition that a local reference means (RFC 6901); None for one that leads nowhere."""
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(node, Mapping) or step not in node:
            return None
        node = cast("Mapping[str, Any]", node)[step]
    return dict(cast("Mapping[str, Any]", node)) if isinstance(node, Mapping) else None

"""Values of a JSON document that may be anything, as what they should be."""

from typing import Any, cast


def text_in(value: object) -> str:
    """A string, or the empty one in place of anything else."""
    return value if isinstance(value, str) else ""


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects of an array; none in place of anything else."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]

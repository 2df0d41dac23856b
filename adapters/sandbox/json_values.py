"""Reading untyped JSON: narrow a value, or say that it is of another type."""

import json
from typing import Any, cast

JsonObject = dict[str, Any]


def as_object(value: object) -> JsonObject | None:
    return cast("JsonObject", value) if isinstance(value, dict) else None


def as_array(value: object) -> list[Any] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def as_integer(value: object) -> int | None:
    """An integer; JSON's true and false, which Python counts among them, are none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def json_bytes(value: object) -> bytes:
    """Compact JSON in raw UTF-8, as OpenAI sends it: U+2028 and its like stand in it unescaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which the caller's JSON may hold as an escape, has no UTF-8 form.
        return json.dumps(value, separators=(",", ":")).encode()

"""What is remembered of an edit, and how its part is taken out of a file that others have changed since."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.client_configs.changes import (
    ABSENT,
    Absent,
    Changes,
    Item,
    Path,
    Value,
    changed,
    digest,
    needless_parents,
    value_at,
)
from adapters.client_configs.editing import Format, edited, read

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An edit that was made: `wrote` holds the digest of each value, `result` that of the whole file."""

    format: Format
    existed: bool
    result: str
    wrote: Mapping[Path, str]

    def encode(self) -> bytes:
        wrote = [
            {"path": [_encoded_step(step) for step in path], "digest": value} for path, value in self.wrote.items()
        ]
        document = {
            "version": _VERSION,
            "format": self.format.value,
            "existed": self.existed,
            "result": self.result,
            "wrote": wrote,
        }
        return (json.dumps(document, indent=2) + "\n").encode("ascii")

    @classmethod
    def decode(cls, data: bytes) -> "Record | None":
        """What `encode` wrote; None for anything else."""
        try:
            document: Any = json.loads(data)
            if document["version"] != _VERSION:
                return None
            wrote = {tuple(_step(each) for each in entry["path"]): str(entry["digest"]) for entry in document["wrote"]}
            return cls(
                format=Format(document["format"]),
                existed=document["existed"] is True,
                result=str(document["result"]),
                wrote=wrote,
            )
        except (ValueError, KeyError, TypeError):
            return None


def effective(
    form: Format, text: str, changes: Changes, defaults: Mapping[Path, Value]
) -> dict[Path, "Value | Absent"]:
    """The changes, with those defaults for which the text has nothing. Raises ClientConfigError."""
    present = read(form, text)
    return {**{path: value for path, value in defaults.items() if value_at(present, path) is ABSENT}, **changes}


def digests(changes: Changes) -> dict[Path, str]:
    return {path: digest(value) for path, value in changes.items()}


def without_ours(record: Record, text: str, before: str) -> str:
    """The text with what the edit wrote put back to what stood `before`, where it still stands as it was written.

    Raises ClientConfigError.
    """
    present, old = read(record.format, text), read(record.format, before)
    ours = [path for path, written in record.wrote.items() if _stands(present, path, written)]
    changes: dict[Path, Value | Absent] = {path: value_at(old, path) for path in ours}
    left = changed(present, changes)
    text = edited(record.format, text, changes)
    for parent in needless_parents(left, old, record.wrote):
        text = edited(record.format, text, {parent: ABSENT})
    return text


def _stands(document: Value, path: Path, written: str) -> bool:
    value = value_at(document, path)
    return value is not ABSENT and digest(value) == written


def _encoded_step(step: str | Item) -> str | list[str]:
    return [step.key, step.value] if isinstance(step, Item) else step


def _step(encoded: object) -> str | Item:
    if isinstance(encoded, str):
        return encoded
    key, value = cast("list[str]", encoded)
    return Item(key, value)

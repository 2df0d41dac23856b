"""Changes to a configuration, whatever its format: where, and what is to stand there."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from domain.errors import ClientConfigError
from domain.words import Text


class Absent(Enum):
    """There is nothing, or there shall be nothing."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Item:
    """The object in a list whose `key` has this value."""

    key: str
    value: str


Path = tuple[str | Item, ...]
# Text, numbers, truth values, null, and lists and objects of them.
Value = Any
Changes = Mapping[Path, "Value | Absent"]


def refused(what: str, wrong: Text) -> ClientConfigError:
    """The error of a text that is left alone; `what` is where in it."""
    return ClientConfigError(Text(f"{what}: ", f"{what}：") + wrong + Text(" Nothing was changed.", "未作任何更改。"))


def told(path: Path) -> str:
    """The path for people: `models[name=OCA].apiBase`."""
    words = ""
    for step in path:
        match step:
            case Item(key=key, value=value):
                words += f"[{key}={value}]"
            case str():
                words += f".{step}" if words else step
    return words


def value_at(document: Value, path: Path) -> "Value | Absent":
    """What stands there."""
    for step in path:
        match step:
            case str():
                if not isinstance(document, dict) or step not in document:
                    return ABSENT
                document = cast("dict[str, Value]", document)[step]
            case Item():
                found = [each for each in _items(document) if _is(each, step)]
                if not found:
                    return ABSENT
                document = found[0]
    return document


def changed(document: Value, changes: Changes) -> Value:
    """The document as it is to be afterwards. Raises ClientConfigError where something else stands in the way."""
    result = deepcopy(document)
    for path, value in changes.items():
        if value is ABSENT and value_at(result, path) is ABSENT:
            continue
        result = _changed(result, path, value, path)
    return result


def needless_parents(document: Value, before: Value, paths: Iterable[Path]) -> list[Path]:
    """The parents of `paths` that are empty now and were not there before, the innermost first."""
    parents = {path[:length] for path in paths for length in range(1, len(path))}
    empty = [path for path in parents if value_at(document, path) in ({}, [], None)]
    return sorted((path for path in empty if value_at(before, path) is ABSENT), key=len, reverse=True)


def digest(value: Value) -> str:
    """A name for a value, which may be a secret."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _changed(document: Value, path: Path, value: "Value | Absent", whole: Path) -> Value:
    step, rest = path[0], path[1:]
    match step:
        case str():
            if document is None or document is ABSENT:
                document = {}
            if not isinstance(document, dict):
                raise _in_the_way(whole)
            members = cast("dict[str, Value]", document)
            if rest:
                members[step] = _changed(members.get(step, ABSENT), rest, value, whole)
            elif value is ABSENT:
                del members[step]
            else:
                members[step] = value
            return members
        case Item():
            if document is None or document is ABSENT:
                document = []
            if not isinstance(document, list) or rest:
                raise _in_the_way(whole)
            items = _items(document)
            at = next((number for number, each in enumerate(items) if _is(each, step)), len(items))
            items[at : at + 1] = [] if value is ABSENT else [value]
            return items


def _in_the_way(path: Path) -> ClientConfigError:
    return refused(
        told(path),
        Text(
            "something of another kind stands there or above it. Write it by hand, as it is printed without --write.",
            "该处或其上级是另一种类型的内容。请参照不带 --write 时打印的内容手工填写。",
        ),
    )


def _items(document: Value) -> list[Value]:
    return document if isinstance(document, list) else []  # pyright: ignore[reportUnknownVariableType] # of Any


def _is(item: Value, wanted: Item) -> bool:
    return isinstance(item, dict) and cast("dict[str, Value]", item).get(wanted.key) == wanted.value

"""Editing of TOML by tomlkit, which keeps comments, order and blanks."""

import tomllib
from collections.abc import MutableMapping
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from adapters.client_configs.changes import ABSENT, Changes, Value, refused
from domain.words import Text


def read_toml(text: str) -> Value:
    """The document. Raises ClientConfigError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused("TOML", Text(f"{error}; mend it first.", f"{error}；请先修正。")) from error


def edit_toml(text: str, changes: Changes) -> str:
    """The text with these changes. Raises ClientConfigError."""
    present = read_toml(text)
    try:
        document = tomlkit.parse(text)
        for path, value in changes.items():
            names = [step for step in path if isinstance(step, str)]
            _change(cast("MutableMapping[str, Any]", document), present, names, value)
        result = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, KeyError, AttributeError) as error:
        raise refused(
            "TOML",
            Text(
                "this way of writing tables cannot be edited here; put it in by hand.",
                "这种表的写法无法在此编辑，请手工填写。",
            ),
        ) from error
    # A table that goes leaves the blank line that came with it.
    return result.rstrip("\n") + "\n" if ABSENT in changes.values() and result.endswith("\n\n") else result


def _change(table: MutableMapping[str, Any], present: Value, names: list[str], value: Value) -> None:
    for name in names[:-1]:
        if name not in table:
            if value is ABSENT:
                return
            table[name] = tomlkit.table(is_super_table=True)
        table = table[name]
        present = present.get(name, {})
    last = names[-1]
    if value is ABSENT:
        table.pop(last, None)
    elif last not in table or present.get(last) != value:
        table[last] = _table(cast("dict[str, Value]", value)) if isinstance(value, dict) else value


def _table(value: dict[str, Value]) -> Any:
    table: Any = tomlkit.table()
    table.update(value)
    return table

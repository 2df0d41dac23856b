"""Editing of JSON, with comments or without: a value is put in or taken out, and nothing around it moves."""

import json
import re
from typing import Any

from adapters.client_configs.changes import ABSENT, Absent, Changes, Path, Value, refused
from adapters.client_configs.json_text import JsonTextError, Member, Node, parse
from domain.words import Text

_EMPTY = "{}\n"
_INDENT = "  "


def read_json(text: str) -> Value:
    """The document; an empty text is an empty object. Raises ClientConfigError."""
    node = _node(text)
    return {} if node is None else node.value


def edit_json(text: str, changes: Changes) -> str:
    """The text with these changes. Raises ClientConfigError."""
    for path, value in changes.items():
        names = _names(path)
        if value is ABSENT:
            text = _without(text, names)
        else:
            text = _with(text if _node(text) is not None else text + _EMPTY, names, value)
    return text


def _names(path: Path) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def _node(text: str) -> Node | None:
    try:
        return parse(text)
    except JsonTextError as error:
        raise refused(
            f"line {error.line}", Text("this is not JSON; mend it first.", "这里不是合法的 JSON，请先修正。")
        ) from error


def _with(text: str, names: tuple[str, ...], value: "Value | Absent") -> str:
    node = _node(text)
    depth = 0
    while node is not None and depth < len(names) and (member := node.member(names[depth])) is not None:
        node = member.node
        depth += 1
    if node is None or (depth < len(names) and not text.startswith("{", node.start)):
        return text
    unit = _unit(text)
    if depth == len(names):
        if node.value == value:
            return text
        return text[: node.start] + _rendered(value, _line_indent(text, node.start), unit) + text[node.end :]
    inner: Any = value
    for name in reversed(names[depth + 1 :]):
        inner = {name: inner}
    return _inserted(text, node, names[depth], inner, unit)


def _inserted(text: str, node: Node, key: str, value: Value, unit: str) -> str:
    """The text with a member more at the end of an object, in the style of those that are there."""
    close = node.end - 1
    last = node.members[-1] if node.members else None
    begin = node.start + 1 if last is None else (last.node.end if last.comma is None else last.comma + 1)
    # Behind the comments that follow the last member, before the blanks in front of the bracket.
    place = begin + len(text[begin:close].rstrip())
    blanks = text[place:close]
    comma_behind = "," if last is not None and last.comma is not None else ""
    comma_before = "," if last is not None and last.comma is None else ""
    if last is not None and "\n" not in text[node.start : node.end]:
        added = f"{' ' if not comma_before else ''}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        return text[:begin] + comma_before + (" " if comma_before else "") + added + comma_behind + text[begin:]
    outer = _line_indent(text, node.start)
    indent = outer + unit if last is None else _line_indent(text, last.start)
    added = f"\n{indent}{json.dumps(key)}: {_rendered(value, indent, unit)}{comma_behind}"
    tail = blanks if "\n" in blanks else f"\n{outer}"
    return text[:begin] + comma_before + text[begin:place] + added + tail + text[close:]


def _without(text: str, names: tuple[str, ...]) -> str:
    node = _node(text)
    for name in names[:-1]:
        member = None if node is None else node.member(name)
        node = None if member is None else member.node
    member = None if node is None else node.member(names[-1])
    if node is None or member is None:
        return text
    # Those of the same name before it would count once it is gone.
    text = _cut(text, node, member)
    return _without(text, names)


def _cut(text: str, node: Node, member: Member) -> str:
    number = node.members.index(member)
    end = member.node.end if member.comma is None else member.comma + 1
    start = member.start
    before = text[:start].rstrip(" \t")
    # The whole line, where it has no other.
    if before.endswith("\n") and re.match(r"[ \t]*(\r?\n|\})", text[end:]):
        start = len(before) - (2 if before.endswith("\r\n") else 1)
    elif end < len(text) and text[end] == " " and number == 0:
        end += 1
    elif before.endswith(","):
        start = len(before)
    if member.comma is None and number > 0:
        comma = node.members[number - 1].comma
        if comma is not None:
            return text[:comma] + text[comma + 1 : start] + text[end:]
    return text[:start] + text[end:]


def _rendered(value: "Value | Absent", indent: str, unit: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return f"\n{indent}".join(lines)


def _unit(text: str) -> str:
    """What the document indents by."""
    first = re.search(r"\{[^\S\n]*\r?\n([ \t]+)\S", text)
    return first[1] if first is not None else _INDENT


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]

"""Editing of YAML: ruamel.yaml tells where everything stands, and only those places change.

Dumped by a library, a file would come back indented and wrapped in that library's way.
"""

import json
import re
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from adapters.client_configs.changes import ABSENT, Absent, Changes, Item, Value, refused, value_at
from domain.words import Text

# ruamel.yaml does not type its nodes.
Node = Any
_MAPPING: Any = MappingNode
_SCALAR: Any = ScalarNode
_SEQUENCE: Any = SequenceNode
_BLOCKS: Any = (MappingNode, SequenceNode)
_YAML: Any = YAML

# What is this text and nothing else without quotes, in every version of YAML.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?:[ :][A-Za-z0-9_./-]+)*")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def read_yaml(text: str) -> Value:
    """The document; an empty text is None. Raises ClientConfigError."""
    try:
        return _YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise _broken(error) from error


def edit_yaml(text: str, changes: Changes) -> str:
    """The text with these changes. Raises ClientConfigError."""
    for path, value in changes.items():
        if value_at(read_yaml(text), path) == value:
            continue
        match path:
            case (str() as key,):
                text = _with_key(text, key, value)
            case (str() as key, Item() as item):
                text = _with_item(text, key, item, value)
            case (Item() as item,):
                text = _with_item(text, None, item, value)
            case _:
                pass
    return text


def _broken(error: Exception) -> Exception:
    mark: Any = getattr(error, "problem_mark", None)
    where = "YAML" if mark is None else f"line {int(mark.line) + 1}"
    return refused(where, Text("this is not YAML; mend it first.", "这里不是合法的 YAML，请先修正。"))


def _root(text: str) -> Node:
    try:
        return _YAML(pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise _broken(error) from error


def _pair(root: Node, key: str) -> tuple[Node, Node] | None:
    """A key of the outermost mapping and its value."""
    if not isinstance(root, _MAPPING):
        return None
    pairs = cast("list[tuple[Node, Node]]", root.value)
    return next((pair for pair in pairs if isinstance(pair[0], _SCALAR) and pair[0].value == key), None)


def _with_key(text: str, key: str, value: "Value | Absent") -> str:
    pair = _pair(_root(text), key)
    if value is ABSENT:
        return text if pair is None else _without_lines(text, _start(pair[0]), _end(pair[1]))
    if pair is None:
        return _appended(text, f"{_scalar(key)}: {_flow(value)}\n")
    start, end = _start(pair[1]), _end(pair[1])
    if start == end:
        # Nothing behind the colon; a comment may follow.
        colon = text.index(":", pair[0].end_mark.index)
        return f"{text[: colon + 1]} {_flow(value)}{text[colon + 1 :]}"
    return text[:start] + _flow(value) + text[end:]


def _with_item(text: str, key: str | None, item: Item, value: "Value | Absent") -> str:
    root = _root(text)
    pair = None if key is None else _pair(root, key)
    sequence: Any = root if key is None else (None if pair is None else pair[1])
    items = cast("list[Node]", sequence.value) if isinstance(sequence, _SEQUENCE) else []
    if not isinstance(sequence, _SEQUENCE) or not items:
        return text if value is ABSENT else _with_first_item(text, key, pair, sequence, value)
    found = next((each for each in items if _has(each, item)), None)
    if value is ABSENT:
        if found is None:
            return text
        return _without_lines(text, text.rindex("-", 0, _start(found)), _end(found))
    if found is not None:
        indent = " " * int(found.start_mark.column)
        return text[: _start(found)] + _block(value, indent) + text[_end(found) :]
    dashes = " " * int(sequence.start_mark.column)
    at = _line_end(text, _end(items[-1]))
    return f"{text[:at]}\n{dashes}- {_block(value, dashes + '  ')}{text[at:] or chr(10)}"


def _with_first_item(text: str, key: str | None, pair: tuple[Node, Node] | None, sequence: Node, value: Value) -> str:
    if key is None:
        block = f"- {_block(value, '  ')}\n"
        return _appended(text if sequence is None else text[: _start(sequence)] + text[_end(sequence) :], block)
    block = f"\n  - {_block(value, '    ')}"
    if pair is None:
        return _appended(text, f"{_scalar(key)}:{block}\n")
    colon = text.index(":", pair[0].end_mark.index) + 1
    # `[]` and `null` go, a comment behind them stays in its line.
    rest = text[colon:] if _start(pair[1]) == _end(pair[1]) else text[_end(pair[1]) :]
    line = _line_end(rest, 0)
    return text[:colon] + rest[:line] + block + rest[line:]


def _has(node: Node, item: Item) -> bool:
    pair = _pair(node, item.key)
    return pair is not None and isinstance(pair[1], _SCALAR) and pair[1].value == item.value


def _start(node: Node) -> int:
    return int(node.start_mark.index)


def _end(node: Node) -> int:
    """Where what the node says ends; a block's own mark stands behind the blanks and comments that follow it."""
    last: Any = node
    while isinstance(last, _BLOCKS) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, _MAPPING) else last.value[-1]
    return int(last.end_mark.index)


def _line_end(text: str, at: int) -> int:
    """The end of the line that holds what ends `at`: a text of several lines ends behind its last line's end."""
    at -= len(text[:at]) - len(text[:at].rstrip("\r\n"))
    found = re.compile(r"\r?\n|\Z").search(text, at)
    return len(text) if found is None else found.start()


def _without_lines(text: str, start: int, end: int) -> str:
    begin = text.rfind("\n", 0, start) + 1
    behind = _line_end(text, end)
    newline = re.compile(r"\r?\n").match(text, behind)
    return text[:begin] + text[behind if newline is None else newline.end() :]


def _appended(text: str, block: str) -> str:
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{block}"


def _block(value: Value, indent: str) -> str:
    """An object as the lines of a block; what is nested in it is written in one line."""
    members = cast("dict[str, Value]", value)
    return f"\n{indent}".join(f"{_scalar(key)}: {_flow(each)}" for key, each in members.items())


def _flow(value: Value) -> str:
    return _scalar(value) if isinstance(value, str) else _json(value)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _json(text)


def _json(value: Value) -> str:
    """JSON, which is YAML as well, but for characters that YAML wants escaped."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))

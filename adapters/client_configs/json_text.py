"""JSON with comments and trailing commas, read with the place of everything in it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

_BLANKS = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATOM = re.compile(r"[^\s,:\[\]{}\"/]+")


class JsonTextError(ValueError):
    """It is not JSON; `line` is where it stops being so."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(slots=True, kw_only=True)
class Member:
    """One `"key": value` of an object, from `start` on; `comma` is the place of the comma behind it, if there is."""

    key: str
    start: int
    node: "Node"
    comma: int | None = None


@dataclass(slots=True, kw_only=True)
class Node:
    """A value and where it stands: `text[start:end]`. Only objects have members; their last character is `}`."""

    start: int
    end: int
    value: Any
    members: list[Member] = field(default_factory=list["Member"])

    def member(self, key: str) -> Member | None:
        """The member of this name; of several the last one, which is the one that counts."""
        return next((each for each in reversed(self.members) if each.key == key), None)


def parse(text: str) -> Node | None:
    """The document; None for a text of blanks and comments alone. Raises JsonTextError."""
    reader = _Reader(text)
    reader.skip()
    if reader.at == len(text):
        return None
    try:
        node = reader.value()
    except RecursionError:
        reader.fail()
    reader.skip()
    if reader.at != len(text):
        reader.fail()
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        match = _BLANKS.match(self.text, self.at)
        self.at = self.at if match is None else match.end()

    def fail(self) -> NoReturn:
        raise JsonTextError(self.text.count("\n", 0, self.at) + 1)

    def takes(self, character: str) -> bool:
        found = self.text.startswith(character, self.at)
        self.at += found
        return found

    def value(self) -> Node:
        start = self.at
        if self.takes("{"):
            members = self._members()
            return Node(
                start=start, end=self.at, value={each.key: each.node.value for each in members}, members=members
            )
        if self.takes("["):
            items = self._items()
            return Node(start=start, end=self.at, value=items)
        value: Any = self._atom(_STRING if self.text.startswith('"', start) else _ATOM)
        return Node(start=start, end=self.at, value=value)

    def _atom(self, pattern: re.Pattern[str]) -> Any:
        match = pattern.match(self.text, self.at)
        if match is None:
            self.fail()
        try:
            value: Any = json.loads(match[0], strict=False)
        except ValueError:
            self.fail()
        self.at = match.end()
        return value

    def _members(self) -> list[Member]:
        members: list[Member] = []
        while True:
            self.skip()
            if self.takes("}"):
                return members
            if members and members[-1].comma is None:
                self.fail()
            start = self.at
            key: Any = self._atom(_STRING)
            self.skip()
            if not self.takes(":"):
                self.fail()
            self.skip()
            member = Member(key=key, start=start, node=self.value())
            members.append(member)
            self.skip()
            comma = self.at
            if self.takes(","):
                member.comma = comma

    def _items(self) -> list[Any]:
        items: list[Any] = []
        separated = True
        while True:
            self.skip()
            if self.takes("]"):
                return items
            if not separated:
                self.fail()
            items.append(self.value().value)
            self.skip()
            separated = self.takes(",")

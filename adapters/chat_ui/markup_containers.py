"""What blocks of Markdown stand in: quotations, list items, footnotes; and a way through the indentation of a line."""

import re
from dataclasses import dataclass
from enum import Enum, auto

# From here on indentation makes code.
CODE_INDENT = 4
RULE = re.compile(r"(?:(?:\*[ \t]*+){3,}+|(?:-[ \t]*+){3,}+|(?:_[ \t]*+){3,}+)$")
_ITEM = re.compile(r"(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)")


class Kind(Enum):
    QUOTE = auto()
    ITEM = auto()
    FOOTNOTE = auto()


@dataclass(slots=True)
class Container:
    """`width` is the indentation that belongs to it; an item is `empty` while its first line was blank."""

    kind: Kind
    width: int
    empty: bool = False


class Cursor:
    """A place in a line. Tabs reach to the next multiple of four columns, and may be consumed in part."""

    __slots__ = ("at", "column", "line")

    def __init__(self, line: str) -> None:
        self.line = line
        self.at: int = 0
        self.column: int = 0

    def peek(self) -> tuple[int, int]:
        """Where the next word starts, and how many columns of indentation lie before it."""
        at, column = self.at, self.column
        while at < len(self.line) and self.line[at] in " \t":
            column += 1 if self.line[at] == " " else 4 - column % 4
            at += 1
        return at, column - self.column

    def skip(self, columns: int) -> None:
        while columns > 0 and self.at < len(self.line) and self.line[self.at] in " \t":
            wide = 1 if self.line[self.at] == " " else 4 - self.column % 4
            step = min(columns, wide)
            self.column += step
            self.at += step == wide
            columns -= step

    def take(self, length: int) -> None:
        """Go past a marker of `length` characters at the next word."""
        at, indent = self.peek()
        self.at = at + length
        self.column += indent + length


def item_at(cursor: Cursor, *, interrupts: bool) -> Container | None:
    """The list item that begins here. One that interrupts a paragraph has content, and the number 1 if any."""
    start, indent = cursor.peek()
    marker = _ITEM.match(cursor.line, start)
    if marker is None or RULE.match(cursor.line, start):
        return None
    blank = not cursor.line[marker.end() :].strip(" \t")
    if interrupts and (blank or marker[1] not in {None, "1"}):
        return None
    length = marker.end() - start
    cursor.take(length)
    _, spaces = cursor.peek()
    # Indentation beyond four columns belongs to the code that it makes.
    padding = spaces if spaces <= CODE_INDENT and not blank else 1
    cursor.skip(padding)
    return Container(Kind.ITEM, indent + length + padding, empty=blank)

"""The block structure of Markdown: which lines of an answer are words, and which are code, rules and formulas.

Follows CommonMark 0.31 (appendix: a parsing strategy) with GFM's tables and footnotes, as Streamlit's parser does.
That the two agree is what keeps an image out of the page that stands in what only one of them takes for code. Where
they might differ, the answer is written so that they cannot: text never starts a fence, HTML or a directive, since
`markup_phrases` escapes those, and a blank line is put where a table may or may not have ended.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from adapters.chat_ui.markup_containers import CODE_INDENT, RULE, Container, Cursor, Kind, item_at

_FOOTNOTE = re.compile(r"\[\^(?:\\[\[\]\\]|[^ \t\[\]`]){1,999}+\]:[ \t]*")
_HEADING = re.compile(r"#{1,6}(?=[ \t]|$)")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_DISPLAY = re.compile(r"\$\$(?!\$)|\\\[")
_CLOSED_BY = {"$$": "$$", r"\[": r"\]"}
# A definition that nothing refers to, which shows nothing. Behind code, micromark does not see every list begin.
NOTHING = "[//]: #"
# Containers within containers. No answer has more; each line is compared with all that are open.
_DEEPEST = 50
_MARKER = re.compile(r"\A(\d*)(?=[^\w\s])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """A line that means what it says: code, a blank line, a rule, an underline."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Fenced code. `opener` ends in `info`; `last` is the closing fence, if there is one.

    `nested` is True inside a quotation or a list.
    """

    opener: str
    info: str
    lines: list[str]
    last: str | None
    indent: int
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """Displayed mathematics on lines of its own. `first` and `further` are what its lines begin with."""

    first: str
    further: str
    lines: list[str]


@dataclass(slots=True, kw_only=True)
class Words:
    """Lines whose text is phrases, each with what stands before it (indentation, markers).

    From `table` on, each line is a row of what may be a table.
    """

    lines: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    table: int | None = None


Block = Verbatim | Fence | Formula | Words


def blocks_of(text: str) -> Iterator[Block]:
    """The blocks of `text`, whose lines end in LF, in order; all their lines together are its lines."""
    return _Scanner(text.split("\n")).blocks()


class _Scanner:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._containers: list[Container] = []
        self._words: Words | None = None
        self._in_code = False
        # By opening delimiter: up to this line there is no formula that it could begin.
        self._no_formula: dict[str, int] = {}

    def blocks(self) -> Iterator[Block]:
        at = 0
        while at < len(self._lines):
            cursor = Cursor(self._lines[at])
            matched = self._continue(cursor)
            lazy = matched < len(self._containers)
            if cursor.peek()[0] == len(cursor.line):
                yield from self._end_words()
                del self._containers[matched:]
                yield Verbatim(line=cursor.line)
                at += 1
                continue
            opened = self._open(cursor, matched, lazy=lazy)
            if opened or (lazy and not self._goes_on(cursor)):
                sibling = lazy and self._containers[matched].kind is Kind.ITEM
                lazy = False
                del self._containers[matched:]
                unsure = _DISPLAY.match(cursor.line, cursor.peek()[0]) is not None or (len(opened) > 1 and not sibling)
                yield from self._part(surely=unsure)
                if self._in_code and opened and not sibling:
                    yield from (Verbatim(line=self._margin() + line) for line in ("", NOTHING, ""))
                self._containers += opened
            at = yield from self._leaf(cursor, at, lazy=lazy)
        yield from self._end_words()

    def _goes_on(self, cursor: Cursor) -> bool:
        """Whether a line that lacks the marks of its containers goes on with the paragraph in them all the same."""
        if self._words is None or self._in_table:
            return False
        start, indent = cursor.peek()
        begun = (_FENCE, _HEADING, RULE, _DISPLAY)
        return indent >= CODE_INDENT or not any(pattern.match(cursor.line, start) for pattern in begun)

    def _continue(self, cursor: Cursor) -> int:
        """How many of the open containers this line goes on with; the cursor moves past their marks."""
        for number, container in enumerate(self._containers):
            start, indent = cursor.peek()
            blank = start == len(cursor.line)
            match container.kind:
                case Kind.QUOTE:
                    if indent >= CODE_INDENT or not cursor.line.startswith(">", start):
                        return number
                    cursor.take(1)
                    cursor.skip(1)
                case _ if blank:
                    if container.empty:
                        return number
                case _:
                    if indent < container.width:
                        return number
                    cursor.skip(container.width)
                    container.empty = False
        return len(self._containers)

    def _open(self, cursor: Cursor, matched: int, *, lazy: bool) -> list[Container]:
        """The containers that begin in this line."""
        opened: list[Container] = []
        interrupts = self._words is not None and not self._in_table and not lazy
        while matched + len(opened) < _DEEPEST:
            start, indent = cursor.peek()
            if indent >= CODE_INDENT:
                break
            if cursor.line.startswith(">", start):
                cursor.take(1)
                cursor.skip(1)
                opened.append(Container(Kind.QUOTE, 0))
            elif footnote := _FOOTNOTE.match(cursor.line, start):
                cursor.take(footnote.end() - start)
                opened.append(Container(Kind.FOOTNOTE, CODE_INDENT))
            elif item := item_at(cursor, interrupts=interrupts and not opened):
                opened.append(item)
            else:
                break
        return opened

    def _leaf(self, cursor: Cursor, at: int, *, lazy: bool) -> Generator[Block, None, int]:
        """What stands in the innermost container; returns the number of the next line."""
        start, indent = cursor.peek()
        before, text = cursor.line[:start], cursor.line[start:]
        self._in_code = bool(text) and indent >= CODE_INDENT and self._words is None
        if self._in_code or not text:
            yield Verbatim(line=cursor.line)
        elif indent >= CODE_INDENT:
            # It ends a table, if that was one, and is code then.
            self._in_code = self._in_table
            self._add(before, text)
        elif fence := _FENCE.match(text):
            yield from self._part()
            return (yield from self._fence(cursor, fence, at))
        elif formula := self._formula(cursor, at):
            yield from self._part()
            yield formula[0]
            return formula[1]
        elif heading := _HEADING.match(text):
            yield from self._part()
            yield Words(lines=[(before + heading[0], text[heading.end() :])])
        elif self._words is not None and not self._in_table and not lazy and _UNDERLINE.match(text):
            # Under nothing but definitions of links, it is text or a list instead.
            unsure = self._words.lines[0][1].startswith("[")
            yield from self._end_words()
            yield Verbatim(line=cursor.line)
            if unsure:
                yield Verbatim(line=self._margin())
        elif RULE.match(text):
            yield from self._part()
            yield Verbatim(line=cursor.line)
        else:
            self._add(before, text)
        return at + 1

    def _add(self, before: str, text: str) -> None:
        if len(self._containers) == _DEEPEST:
            # Not one level more, in the browser either.
            text = _MARKER.sub(r"\1\\", text, count=1)
        if self._words is None:
            self._words = Words()
        elif self._words.table is None and "-" in text and not text.strip("|:- \t"):
            self._words.table = len(self._words.lines) - 1
        self._words.lines.append((before, text))

    def _end_words(self) -> Iterator[Words]:
        if self._words is not None:
            yield self._words
            self._words = None

    def _part(self, *, surely: bool = False) -> Iterator[Block]:
        """End the words where something else begins, by a blank line if they are `surely` to end or may be a table."""
        surely = (surely and self._words is not None) or self._in_table
        yield from self._end_words()
        if surely:
            yield Verbatim(line=self._margin())

    @property
    def _in_table(self) -> bool:
        return self._words is not None and self._words.table is not None

    def _margin(self) -> str:
        """What a further line in the open containers begins with."""
        return "".join("> " if each.kind is Kind.QUOTE else " " * each.width for each in self._containers)

    def _inside(self, at: int) -> Cursor | None:
        """Line `at` behind the marks of all open containers; None where it leaves one of them, or the text ends."""
        if at == len(self._lines):
            return None
        cursor = Cursor(self._lines[at])
        return cursor if self._continue(cursor) == len(self._containers) else None

    def _fence(self, opener: Cursor, fence: re.Match[str], at: int) -> Generator[Block, None, int]:
        marks = fence[1] or fence[3]
        closing = re.compile(rf"{marks[0]}{{{len(marks)},}}[ \t]*$")
        inside: list[str] = []
        last: str | None = None
        at += 1
        while (cursor := self._inside(at)) is not None:
            start, indent = cursor.peek()
            at += 1
            if indent < CODE_INDENT and closing.match(cursor.line, start):
                last = cursor.line
                break
            inside.append(cursor.line)
        yield Fence(
            opener=opener.line,
            info=fence[2] or fence[4] or "",
            lines=inside,
            last=last,
            indent=opener.peek()[1],
            nested=bool(self._containers),
        )
        return at

    def _formula(self, cursor: Cursor, at: int) -> tuple[Formula, int] | None:
        """The formula on whole lines that begins here, and the number of the line behind it.

        As in pandoc, no blank line stands in it.
        """
        start, _ = cursor.peek()
        opening = _DISPLAY.match(cursor.line, start)
        if opening is None or at < self._no_formula.get(opening[0], 0):
            return None
        closing = _CLOSED_BY[opening[0]]
        lines: list[str] = []
        rest: str | None = cursor.line[opening.end() :]
        while rest is not None and closing not in rest:
            lines.append(rest)
            at += 1
            further = self._inside(at)
            rest = further.line[further.at :] if further is not None and further.line.strip() else None
        if rest is not None:
            last, _, behind = rest.partition(closing)
            lines.append(last)
            if not behind.strip() and not any("$$" in line for line in lines) and any(map(str.strip, lines)):
                shown = [line for line in lines if line.strip()]
                return Formula(first=cursor.line[:start], further=self._margin(), lines=shown), at + 1
        self._no_formula[opening[0]] = at
        return None

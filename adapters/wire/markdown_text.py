"""Foreign text inside a Markdown document (CommonMark 0.31) of ours, such that it cannot swallow what follows it.

Two things could: a fence and an element of HTML that are opened and never closed. What a simple fence encloses stays.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
# Section 4.5.
_FENCE = re.compile(r"`{3,}|~{3,}")
# What may stand before a fence: the marks of quotes and of list items.
_MARKS = " \t>-+*0123456789.)"
_TICKS = re.compile(r"`+")
# What a browser or section 4.6 takes as the beginning of something that needs an end, but not in a span of code.
_CODE_OR_TAG = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|<(?=/?(?:details|summary|script|pre|style|textarea|title|iframe|noscript|noembed|noframes|xmp|plaintext)\b|[!?])",
    re.IGNORECASE,
)
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&$-])")


class _NotSimpleError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fence:
    """An open one. A line of the same characters, at least as many and nothing else, closes it."""

    indent: str
    ticks: str

    def ends_at(self, line: str) -> bool:
        if line.strip() and not line.startswith(self.indent):
            raise _NotSimpleError
        rest = line.strip()
        if not rest.startswith(self.ticks) or rest.strip(self.ticks[0]):
            return False
        if not line.startswith(f"{self.indent}{self.ticks}"):
            # Whether this is its end depends on the list that it stands in.
            raise _NotSimpleError
        return True


def plain(text: str) -> str:
    """One line of text that stands as it is."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def code_span(text: str) -> str:
    """One line as code (section 6.1), whatever it holds."""
    line = " ".join(text.split())
    if not line:
        return ""
    ticks = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    gap = " " if "`" in line else ""
    return f"{ticks}{gap}{line}{gap}{ticks}"


def code_block(text: str) -> str:
    """Text as code, in a fence that is longer than any in it."""
    ticks = "`" * max(3, max((len(run) for run in _TICKS.findall(text)), default=0) + 1)
    return f"{ticks}\n{text}\n{ticks}"


def bounded(text: str) -> str:
    """Markdown as it is, with an open fence closed; as a quote, where it is not plain to see which fences are open."""
    lines = _LINE_END.split(text)
    closed = _closed(lines)
    return quoted(text) if closed is None else "\n".join(closed)


def quoted(text: str) -> str:
    """Markdown as a quote (section 5.1), whose end also ends all that was begun in it."""
    lines = _LINE_END.split(text)
    closed = _closed(lines)
    return "\n".join(f"> {line}".rstrip() for line in (map(_tame, lines) if closed is None else closed))


def _closed(lines: Iterable[str]) -> list[str] | None:
    """The lines, tamed but for code, with an end to the last fence; None where the fences are not simple.

    Simple: no mark of a list or a quote before the fence and no HTML, nothing that stands further left than it up to
    its end. Then it ends with the line that ends it, whatever list it may stand in.
    """
    try:
        return list(_through(lines))
    except _NotSimpleError:
        return None


def _through(lines: Iterable[str]) -> Iterator[str]:
    fence: _Fence | None = None
    in_html = False
    for line in lines:
        if fence is not None:
            if fence.ends_at(line):
                fence = None
            yield line
            continue
        fence = _fence_at(line)
        # A block of HTML lasts up to a blank line, and a fence in it is none (section 4.6).
        in_html = bool(line.strip()) and (in_html or line.lstrip(_MARKS).startswith("<"))
        if fence is not None and in_html:
            raise _NotSimpleError
        yield line if fence is not None else _tame(line)
    if fence is not None:
        yield f"{fence.indent}{fence.ticks}"


def _fence_at(line: str) -> _Fence | None:
    found = _FENCE.search(line)
    if found is None:
        return None
    before, ticks, after = line[: found.start()], found[0], line[found.end() :]
    # Backticks after backticks: a span of code.
    if before.strip(_MARKS) or ("`" in ticks and "`" in after):
        return None
    if before.strip(" "):
        raise _NotSimpleError
    return _Fence(indent=before, ticks=ticks)


def _tame(line: str) -> str:
    return _CODE_OR_TAG.sub(lambda found: found["code"] or "&lt;", line)

"""A model's answer, cut and written for Streamlit's Markdown.

Models write GitHub's Markdown with TeX in it. Streamlit adds a dialect of its own, in which a model's words would turn
into something else: "color:red" loses its "red", "user:key:42" shows a key, "$5 or 6$" is a formula, `x -> y` gets an
arrow nobody wrote. All of this is shown here as it was written. Shortcodes of emoji are no exception: a model that
means 😄 writes it, and what looks like a shortcode is a Redis key or a part of a time.

An image is shown as a link. A browser that fetched it would tell its host, in the address, whatever the model put
there, and a model may have been talked into that by a text it was given to read.
"""

import html
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from adapters.chat_ui.markup_blocks import NOTHING, Fence, Formula, Verbatim, Words, blocks_of
from adapters.chat_ui.markup_links import label_of, literal
from adapters.chat_ui.markup_marks import tex
from adapters.chat_ui.markup_phrases import phrase

# Shows nothing. First in the text it keeps the indentation of what follows, which Streamlit would strip, and holds a
# formula: Streamlit reads TeX only where it finds some, and code misleads its search.
_GUARD = f"{NOTHING} ($x$)\n\n"
# Only what names an address: "[Ann]: hello" would be a definition too, and vanish.
_DEFINITION = re.compile(
    r"\[(?!\^)((?:\\.|[^\[\]\\\n])++)\]:([ \t]++(?:<|(?=[A-Za-z][A-Za-z0-9+.-]*+:\S|[/#.?]|www\.)))"
)
_LABELS = re.compile(rf"^[ >]*{_DEFINITION.pattern}", re.MULTILINE)
_CELL = re.compile(r"(?:\\[\\|]|[^|])++|\|")
_MERMAID = re.compile(r"\s*mermaid(?![A-Za-z0-9_])", re.IGNORECASE)
# What makes Mermaid fetch something: images of nodes, and CSS, escaped in YAML, JSON or CSS or not.
_FETCHES = re.compile(
    r"(?<![\w-])(?:url|src|(?:-webkit-)?(?:image|cross-fade)[\w-]*)\s*\(|@import|\bimg\b|\bsrc\s*=|\\(?!n)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Text for `st.markdown`, with `unsafe_allow_html` left off."""

    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Source for `st.mermaid_chart`."""

    source: str


def pieces_of(text: str) -> tuple[Prose | Diagram, ...]:
    """An answer, whole or as far as it has come, in the order in which it is drawn.

    A diagram is a closed fence of Mermaid. One in a list or a quotation stays in the prose, where Streamlit draws it;
    one that is not closed yet, or that would have the browser fetch something, is shown as code.
    """
    return tuple(_pieces(text, drawing=True))


def growing_prose(text: str) -> str:
    """An answer as far as it has come, in one piece: its diagrams are shown as the code that they are."""
    return "".join(piece.markdown for piece in _pieces(text, drawing=False) if isinstance(piece, Prose))


def _pieces(text: str, *, drawing: bool) -> Iterator[Prose | Diagram]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    labels = {label_of(found[1]) for found in _LABELS.finditer(text)}
    prose = _Draft(drawing=drawing)
    for block in blocks_of(text):
        match block:
            case Verbatim():
                prose.lines.append(block.line)
            case Words():
                prose.add_words(block, labels)
            case Formula():
                prose.add_formula(block)
            case Fence() if drawing and not block.nested and _is_mermaid(block) and _is_drawable(block):
                yield from prose.finished()
                yield Diagram(source=_source(block))
                prose = _Draft(drawing=drawing)
            case Fence():
                prose.add_fence(block)
    yield from prose.finished()


class _Draft:
    def __init__(self, *, drawing: bool) -> None:
        self._drawing = drawing
        self.lines: list[str] = []
        self._has_formula = False

    def add_words(self, words: Words, labels: AbstractSet[str]) -> None:
        befores = [before for before, _ in words.lines]
        texts = [text for _, text in words.lines]
        at = 0
        while at < len(texts) and (found := _DEFINITION.match(texts[at])) and words.table is None:
            self.lines.append(f"{befores[at]}[{literal(found[1])}]:{found[2]}{literal(texts[at][found.end() :])}")
            at += 1
        table = len(texts) if words.table is None else words.table
        written = self._phrase("\n".join(texts[at:table]), labels).split("\n") if at < table else []
        for row in texts[table:]:
            written.append("".join(self._phrase(cell, labels) for cell in _CELL.findall(row)))
        self.lines += [before + line for before, line in zip(befores[at:], written, strict=True)]

    def add_formula(self, formula: Formula) -> None:
        self._has_formula = True
        self.lines.append(formula.first + "$$")
        self.lines += [formula.further + tex(line) for line in formula.lines]
        self.lines.append(formula.further + "$$")

    def add_fence(self, fence: Fence) -> None:
        as_code = _is_mermaid(fence) and not (self._drawing and _is_drawable(fence))
        self.lines.append(fence.opener.removesuffix(fence.info) if as_code else fence.opener)
        self.lines += fence.lines
        if fence.last is not None:
            self.lines.append(fence.last)

    def finished(self) -> Iterator[Prose]:
        markdown = "\n".join(self.lines).strip("\n")
        if not markdown.strip():
            return
        misleading = self._has_formula and ("`" in markdown or "~~~" in markdown)
        yield Prose(markdown=_GUARD + markdown if misleading or markdown[0].isspace() else markdown)

    def _phrase(self, text: str, labels: AbstractSet[str]) -> str:
        written, has_formula = phrase(text, labels)
        self._has_formula = self._has_formula or has_formula
        return written


def _is_mermaid(fence: Fence) -> bool:
    return _MERMAID.match(html.unescape(fence.info).replace("\\", "")) is not None


def _is_drawable(fence: Fence) -> bool:
    source = "\n".join(fence.lines)
    return fence.last is not None and bool(source.strip()) and _FETCHES.search(source) is None


def _source(fence: Fence) -> str:
    """Without the indentation of the fence (CommonMark 0.31 section 4.5)."""
    return "\n".join(re.sub(rf"^ {{0,{fence.indent}}}", "", line) for line in fence.lines)

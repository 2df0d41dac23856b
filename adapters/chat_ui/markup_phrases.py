"""The phrases of Markdown, written so that Streamlit's page shows a model's words and nothing else.

What is not a phrase of CommonMark or GFM is escaped: money, Streamlit's directives, HTML, the beginnings of blocks. So
are backticks that close nothing, which leaves the page no code but that which is left untouched here.

Streamlit replaces some words after it has parsed the text, where an escape no longer counts: emoji shortcodes, icons,
arrows. `APART` keeps the characters of such a word apart: a directive without content, which shows nothing.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Set as AbstractSet

from adapters.chat_ui.markup_links import bare_address, image, target
from adapters.chat_ui.markup_marks import APART, is_punctuation, tex

_TOKEN = re.compile(
    r"""
      (?P<shortcode>\\?:(?=(?:(?!\d+:)[A-Za-z0-9_+-]++|100|1234):|material/))
    | (?P<directive>:(?=\w)(?!\d++(?:[^\w\[{-]|\Z)))
    | (?P<code>`+)
    | (?P<formula>\\[(\[])
    | (?P<escape>\\[!-/:-@\[-`{-~])
    | (?P<dollars>\$+)
    | (?P<autolink><(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>`]*+|[^\s<>@`]++@[A-Za-z0-9.-]++)>)
    | (?P<arrow>(?<![\w<>=~-])(?:<->|->|<-|--|>=|<=|~=)(?![\w<>=~-]))
    | (?P<tag><(?=[A-Za-z/!?]))
    | (?P<image>!(?=\[))
    | (?P<label>^\[(?=(?:\\[\s\S]|[^\[\]\\])*+\]:))
    | (?P<target>\]\()
    | (?P<address>(?:(?i:https?)://|(?i:www)\.)[\w\-./?\#@%&+=,;:'()$~|^]*+)
    | (?P<tildes>~+)
    | (?P<strong>(?<!\*)\*\*(?!\*))
    """,
    re.VERBOSE | re.MULTILINE,
)
# One dollar: no space inside of it, no digit behind it (pandoc's tex_math_dollars). No code stands in a formula.
_DOLLAR = re.compile(r"\$(?![\s$])((?:[^$\\`]|\\[^`])++)(?<!\s)\$(?![\d$])")
_DOLLARS = re.compile(r"\$\$((?:[^$\\`]|\\[^`]|\$(?!\$))++)\$\$(?!\$)")
_PARENTHESES = re.compile(r"\\\(((?:[^\\`]|\\[^()`])++)\\\)")
_BRACKETS = re.compile(r"\\\[((?:[^\\`]|\\[^\[\]`])++)\\\](?![(\[:])")
# Lines that the browser might not take for more of the same paragraph, where they stand in code or in a formula.
_UNSURE_IN_CODE = re.compile(r"\n[ \t]*[#>\-+*=_~`|:<\[$\d]")
_PLAIN = re.compile(r"[ \t]*(?:$|[^\W\d_]|[,.;，。；])", re.MULTILINE)
_UNSURE_IN_FORMULA = re.compile(r"\n[ \t]*(?:[<:~]|\[\^)|\$\$")


def phrase(text: str, labels: AbstractSet[str] = frozenset()) -> tuple[str, bool]:
    """`text`, the lines of one paragraph, heading or table cell, for the page; and whether a formula is in it.

    It keeps its line breaks. `labels` are those that links are defined for, as `label_of` writes them.
    """
    writer = _Writer(text, labels)
    return writer.written(), writer.has_formula


class _Writer:
    def __init__(self, text: str, labels: AbstractSet[str]) -> None:
        self.has_formula = False
        self._text = text
        self._labels = labels
        self._out: list[str] = []
        self._in_strong = False
        self._runs: dict[int, list[int]] = defaultdict(list)
        for run in re.finditer(r"`+", text):
            self._runs[len(run[0])].append(run.start())

    def written(self) -> str:
        at = 0
        while (token := _TOKEN.search(self._text, at)) is not None:
            self._out.append(self._text[at : token.start()])
            words, at = self._token(token)
            self._out.append(words)
        self._out.append(self._text[at:])
        return "".join(self._out)

    def _token(self, token: re.Match[str]) -> tuple[str, int]:
        """What is written for it, and where the text goes on."""
        text, words, start, end = self._text, token[0], token.start(), token.end()
        match token.lastgroup:
            case "code":
                written, end = self._code(start, end)
            case "dollars" | "formula":
                literally = words if words.startswith("\\") else "\\$" * len(words)
                written, end = self._formula(start) or (literally, end)
            case "image":
                written, end = image(text, start, self._labels)
            case "target":
                address, end = target(text, end)
                written = words + address
            case "address":
                written, end = bare_address(text, start, end)
            case "strong":
                written = self._strong(start, end)
            case kind:
                written = _escaped(kind, words, first=start == 0)
        return written, end

    def _code(self, start: int, end: int) -> tuple[str, int]:
        runs = self._runs[end - start]
        number = bisect_left(runs, end)
        if number < len(runs):
            inside = self._text[end : runs[number]]
            if not _UNSURE_IN_CODE.search(inside):
                closed = runs[number] + end - start
                return self._text[start:closed], closed
        return "\\`" * (end - start), end

    def _formula(self, start: int) -> tuple[str, int] | None:
        for pattern, displayed in ((_DOLLARS, True), (_DOLLAR, False), (_PARENTHESES, False), (_BRACKETS, True)):
            if (found := pattern.match(self._text, start)) is None:
                continue
            source = tex(found[1]).strip(" \t")
            shown = source.rstrip()
            # The line breaks before the end go behind it: dollars first in a line would begin a formula of lines.
            breaks, end = source[len(shown) :], found.end()
            behind = _PLAIN.match(self._text, end)
            unsure = _UNSURE_IN_FORMULA.search(shown) or (breaks and behind is None)
            if not shown or unsure or (pattern is _DOLLAR and _is_money(shown)):
                continue
            self.has_formula = True
            # Streamlit looks for one dollar within a line, with no digit behind it; two have no such conditions.
            one = not displayed and not re.search(r"[\n$]", shown) and not self._text[end : end + 1].isdigit()
            marks = "$" if one else "$$"
            style, space = "\\displaystyle " * displayed, " " * ("$" in {shown[0], shown[-1]})
            # Nor may they leave a blank line.
            rest = breaks + APART if breaks and behind is not None and not behind[0].strip() else breaks
            return self._apart(start, f"{marks}{space}{style}{shown}{space}{marks}") + rest, end
        return None

    def _apart(self, start: int, formula: str) -> str:
        """Dollars that neither go on with others, nor, at the start of a line, begin a formula of lines."""
        text = self._text
        first = start == 0 or text[start - 1] == "\n"
        touches = "".join(self._out[-2:]).endswith("$")
        return APART + formula if touches or (first and "\n" in formula) else formula

    def _strong(self, start: int, end: int) -> str:
        """`**` beside Chinese: CommonMark (section 6.2) wants a space there that Chinese does not have."""
        before, after = self._text[start - 1] if start else " ", self._text[end : end + 1] or " "
        inner, outer = (before, after) if self._in_strong else (after, before)
        if inner.isspace():
            return "**"
        closes, self._in_strong = self._in_strong, not self._in_strong
        unspaced = not outer.isspace() and not is_punctuation(outer)
        if is_punctuation(inner) and unspaced and not (inner.isascii() and outer.isascii()):
            return "**" + APART if closes else APART + "**"
        return "**"


def _is_money(shown: str) -> bool:
    """Between two dollars: an amount and words, as in "$5 or US$ 6", and nothing that makes it a formula."""
    return shown[0].isdigit() and re.search(r"\s", shown) is not None and re.search(r"[\\^_={}+<>]", shown) is None


def _escaped(kind: str | None, words: str, *, first: bool) -> str:
    match kind:
        case "shortcode":
            return "\\:" + APART
        case "arrow":
            return APART.join(words).replace("~", "\\~")
        case "directive" | "tag":
            return "\\" + words
        case "label":
            # Within another label an escaped bracket alone would complete that one.
            return "\\[" if first else APART + "\\["
        case "tildes" if len(words) != len("~~"):
            # One is a range ("3~5"), three are a fence, and two strike out.
            return "\\~" * len(words)
        case _:
            return words

"""Links, images and bare addresses in Markdown."""

import re
from collections.abc import Set as AbstractSet

from adapters.chat_ui.markup_marks import APART

_LITERAL = re.compile(r"\\[!-/:-@\[-`{-~]|`|\$|~|!(?=\[)|:(?=\w)|<(?=[A-Za-z/!?])|(?<=\n)\[")
_IMAGE = re.compile(r"!\[([^\[\]\n]*+)\](\(|\[([^\[\]\n]*+)\])?")
_FIRST_WORD = re.compile(r"\([ \t]*+<?([^\s<>()]+)")
_SCHEME = re.compile(r"h(?=ttps?://)|w(?=ww\.)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t]*+(?:\n[ \t]*+)?")
_ANGLED = re.compile(r"<((?:[^<>\n\\]|\\.)*+)>")
_PART = re.compile(r"(?:[^\s()\\]|\\\S)++|[()]")
_TITLE = re.compile(
    r"""\s++(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))\s*+(?=\))""",
    re.DOTALL,
)


def literal(text: str) -> str:
    """An address or a link's title: what could mean something escaped, which in these stands for itself."""
    return _LITERAL.sub(lambda found: found[0] if found[0].startswith("\\") else "\\" + found[0], text)


def label_of(name: str) -> str:
    """A link's label in the form in which labels are compared (CommonMark 0.31 section 4.7)."""
    return " ".join(name.casefold().split())


def target(text: str, start: int) -> tuple[str, int]:
    """What follows `](` at `start`, an address and perhaps a title, as it is written; and where it ends.

    Whether it makes a link or not: no code and no formula begins in it.
    """
    space = _SPACE.match(text, start)
    at = space.end() if space else start
    before = text[start:at]
    # At the start of a line neither a tag nor a footnote may come about.
    first = "\n" in before
    if not first and (angled := _ANGLED.match(text, at)):
        address, at = f"<{literal(angled[1])}>", angled.end()
    else:
        begun, depth = at, 0
        while part := _PART.match(text, at):
            depth += {"(": 1, ")": -1}.get(part[0], 0)
            if depth < 0:
                break
            at = part.end()
        address = literal(text[begun:at])
        if first and address.startswith("["):
            address = "\\" + address
    title = _TITLE.match(text, at)
    return before + address + (literal(title[0]) if title else ""), title.end() if title else at


def image(text: str, start: int, labels: AbstractSet[str]) -> tuple[str, int]:
    """A link in the place of the image at `start`, as far as its label; where that is unsure, its "!" is kept."""
    found = _IMAGE.match(text, start)
    if found is None or text[start - 1 : start] == "!":
        return "\\!", start + 1
    if found[2] != "(":
        return "" if label_of(found[3] or found[1]) in labels else "\\!", start + 1
    address = _FIRST_WORD.match(text, found.start(2))
    if not found[1].strip() and address is not None:
        return "[" + literal(address[1]), found.start(2) - 1
    return "", start + 1


def bare_address(text: str, start: int, end: int) -> tuple[str, int]:
    """The address at `start`, closed off: in GFM it reaches to the next space, over Chinese words and backticks."""
    words, before, behind = text[start:end], text[max(start - 2, 0) : start], text[end : end + 2]
    if not behind[:1].strip() and literal(words) == words:
        return words, end
    if before.endswith("[") and before != "\\[" and behind == "](":
        return literal(words), end
    if before.endswith(("\\", "!")):
        return _SCHEME.sub(lambda found: found[0] + APART, literal(words)), end
    unmatched = words.count(")") - words.count("(")
    while words.endswith(tuple(".,;:?'*_~$")) or (unmatched > 0 and words.endswith(")")):
        unmatched -= words.endswith(")")
        words = words[:-1]
    link = f"<{words}>" if words[:1] in "hH" else f"[{literal(words)}](<http://{literal(words)}>)"
    return link, start + len(words)

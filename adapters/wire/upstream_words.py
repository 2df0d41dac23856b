"""What an upstream said, made fit to be shown: as text, of bounded length, without secrets."""

import re

MAX_MESSAGE_CHARS = 2_000

# As much of a page as is read for its words.
_MAX_PAGE_BYTES = 64 * 1024
_MASK = "***"
_TAG = re.compile(r"(<[^<>]*(?:>|\Z))")
_TAG_NAME = re.compile(r"<[/!?]?\w*")
# Elements whose text is not the page's.
_ENCLOSING = frozenset({"title", "script", "style"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SECRETS = (
    # A JSON Web Token (RFC 7519), or the beginning of one.
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)*"), _MASK),
    # RFC 6750 section 2.1, but not the prose and the challenges that speak of such tokens (section 3).
    (
        re.compile(
            r"\b(bearer)((?:[\s:\"'`]|%20|\+)+)"
            r"(?!(?:access|and|auth|authentication|authorization|credentials?|format|header|in|is|not|or|prefix|scheme"
            r"|tokens?|was)(?:[\s,;:!?\"')\]]|\.(?:\s|$)|$))"
            r"(?!(?:realm|error|scope|resource_metadata|error_description)=\")"
            r"[\w.~+/=-]+",
            re.IGNORECASE,
        ),
        rf"\1\2{_MASK}",
    ),
    (
        re.compile(
            r"(?<![a-z])((?:access_token|refresh_token|id_token|client_secret|api[_-]?key|password)[\"']?\s*[:=]\s*[\"']?)"
            r"[^\s\"'&,;<>]+",
            re.IGNORECASE,
        ),
        rf"\1{_MASK}",
    ),
)


def showable(text: str, *, max_chars: int = MAX_MESSAGE_CHARS) -> str:
    """One line of at most `max_chars`, tokens masked, control characters gone."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    # Masked before it is cut: half a token is still a secret.
    for secret, replacement in _SECRETS:
        line = secret.sub(replacement, line)
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"


def read_page(body: bytes, content_type: str | None) -> tuple[str, bool]:
    """The words of a body that is not JSON, and whether it was marked up (HTML, XML)."""
    text = _decode(body[:_MAX_PAGE_BYTES], content_type or "")
    marked_up = text.lstrip().startswith("<") or "html" in (content_type or "").lower()
    return (_visible_words(text) if marked_up else text), marked_up


def _decode(body: bytes, content_type: str) -> str:
    declared = re.search(r"charset\s*=\s*\"?([\w.:-]+)", content_type, re.IGNORECASE)
    if declared is not None:
        try:
            return body.decode(declared[1])
        except (LookupError, ValueError):
            # A wrong label; what can be read as UTF-8 still tells something.
            return body.decode("utf-8-sig", errors="replace")
    return body.decode("utf-8-sig", errors="replace")


def _visible_words(markup: str) -> str:
    """The title and the text that a browser would show, in one pass over the page."""
    title: list[str] = []
    text: list[str] = []
    shown = {"": text, "title": title}
    inside = ""
    for piece in _TAG.split(_without_comments(markup)):
        tag = _TAG_NAME.match(piece)
        if tag is None:
            if inside in shown:
                shown[inside].append(piece)
        elif tag[0].lower().removeprefix("<").removeprefix("/") == inside:
            inside = ""
        elif not inside and tag[0][1:].lower() in _ENCLOSING:
            inside = tag[0][1:].lower()
        else:
            text.append(" ")
    # All names of characters that HTML knows, for pages that should not have come.
    from html import unescape  # noqa: PLC0415

    heading, words = (" ".join(unescape("".join(each)).split()) for each in (title, text))
    # Many pages begin by repeating their title as a heading.
    return words if words.startswith(heading) else f"{heading}. {words}" if words else heading


def _without_comments(markup: str) -> str:
    kept: list[str] = []
    while markup:
        before, _, after = markup.partition("<!--")
        kept.append(before)
        markup = after.partition("-->")[2]
    return "".join(kept)

"""Editing of a `.env` file's text, bytes in and bytes out: a value changes, and nothing around it.

The text is cut by python-dotenv's own parser, so what is edited is what is read. Before an edited text is handed out
it has been read again: every other key parses as before, and the edited keys parse to their new values.
"""

import io
import re
from collections.abc import Iterable, Mapping

from dotenv.main import resolve_variables
from dotenv.parser import Binding, parse_stream

from domain.words import Text

_BOM = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

# A binding up to its value, as dotenv.parser reads it; group 1 holds the blanks behind the equal sign.
_HEAD = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+)(?:[^\S\r\n]*=([^\S\r\n]*))?")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_UNQUOTED = re.compile(r"[^\r\n]*")
_INLINE_COMMENT = re.compile(r"\s+#")

# What stands for itself without quotes, and within double quotes, here and in a shell that sources the file.
_PLAIN = re.compile(r"[A-Za-z0-9_./+:@%,=~-]*")
_PLAIN_IN_DOUBLE_QUOTES = re.compile(r"[^\"\\$`]*")


class EnvTextError(ValueError):
    """The text cannot be read as a .env file, or not changed without changing the meaning of other lines."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def read_values(data: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The values of those `keys` that are assigned, as `dotenv.dotenv_values` gives them, `${NAME}` resolved.

    Raises EnvTextError.
    """
    wanted = set(keys)
    values = resolve_variables(_assignments(_decode(data)), override=True)
    return {key: _clean(value) for key, value in values.items() if key in wanted and value is not None}


def replace_values(data: bytes, values: Mapping[str, str]) -> bytes:
    """The same text with these values: every assignment of a key is updated, an absent key is appended.

    A key that has its value already is left as it is written. Raises EnvTextError.
    """
    present = read_values(data, values)
    changes = {key: value for key, value in values.items() if present.get(key, "") != value}
    if not changes:
        return data
    text = _decode(data)
    # As it is written first; a broken line elsewhere (a quote that is never closed) may forbid one sort of quotes.
    for quotes in (None, "'", '"', ""):
        edited = _edit(text, changes, quotes)
        if _holds(text, edited, changes):
            return _encode(edited)
    broken = next((binding.original.line for binding in _bindings(text) if binding.error), 1)
    raise EnvTextError(
        Text(
            f"line {broken} cannot be parsed and swallows what is written behind it; mend or delete it",
            f"第 {broken} 行无法解析，并会吞掉其后的内容；请修正或删除该行",
        )
    )


def _decode(data: bytes) -> str:
    if data.startswith(_UTF_16):
        raise EnvTextError(Text("it is encoded in UTF-16; save it as UTF-8", "它是 UTF-16 编码；请将其另存为 UTF-8"))
    # Bytes that are not UTF-8 pass through, in lines that are none of our business.
    return data.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _clean(value: str) -> str:
    """A value fit for every later use: bytes that were not UTF-8 become U+FFFD."""
    return _encode(value).decode("utf-8", "replace")


def _bindings(text: str) -> list[Binding]:
    return list(parse_stream(io.StringIO(text, newline="")))


def _assignments(text: str) -> list[tuple[str, str | None]]:
    return [(binding.key, binding.value) for binding in _bindings(text) if binding.key is not None]


def _holds(before: str, after: str, changes: Mapping[str, str]) -> bool:
    """Whether `after` says what is wanted, and of everything else what `before` says."""
    others = [{k: v for k, v in _assignments(text) if k not in changes} for text in (before, after)]
    resolved = resolve_variables(_assignments(after), override=True)
    return others[0] == others[1] and all((resolved.get(key) or "") == value for key, value in changes.items())


def _edit(text: str, changes: Mapping[str, str], quotes: str | None) -> str:
    """The text with other values, in these quotes ("" for none), or, for None, in the quotes that fit best."""
    # The parser drops one byte order mark, so its pieces do not contain it.
    pieces = [_BOM] if text.startswith(_BOM) else []
    absent = dict(changes)
    for binding in _bindings(text):
        original = binding.original.string
        if binding.key is not None and binding.key in changes:
            absent.pop(binding.key, None)
            original = _with_value(original, changes[binding.key], quotes)
        pieces.append(original)
    edited = "".join(pieces)
    if absent:
        newline = _prevailing_newline(text)
        if edited not in {"", _BOM} and not edited.endswith(("\n", "\r")):
            edited += newline
        edited += "".join(f"{key}={_render(value, quotes, '')}{newline}" for key, value in absent.items())
    return edited


def _with_value(original: str, value: str, quotes: str | None) -> str:
    """One binding's text with another value."""
    head = _HEAD.match(original)
    if head is None:  # pragma: no cover - the parser has found a key here
        return original
    if head[1] is None:
        # A bare name, without an equal sign.
        return f"{original[: head.end()]}={_render(value, quotes, '')}{original[head.end() :]}"
    start, end = _value_span(original, head)
    present = original[start] if original[start:end].startswith(("'", '"')) else ""
    return f"{original[:start]}{_render(value, quotes, present)}{original[end:]}"


def _value_span(original: str, head: re.Match[str]) -> tuple[int, int]:
    start = head.end()
    quoted = _QUOTED.match(original, start)
    if quoted is not None:
        return quoted.span()
    unquoted = _UNQUOTED.match(original, start)
    part = unquoted[0] if unquoted is not None else ""
    if not part or (part.startswith("#") and head[1]):
        # Nothing but blanks, and perhaps a comment, which keeps its distance.
        return head.start(1), head.start(1)
    comment = _INLINE_COMMENT.search(part)
    kept = part[: comment.start()] if comment is not None else part
    return start, start + len(kept.rstrip())


def _render(value: str, quotes: str | None, present: str) -> str:
    """A value in these quotes; for None in the `present` ones, or in single ones where those cannot carry it."""
    shielded = _shielded(value)
    if quotes is None:
        fits = {"": _PLAIN, '"': _PLAIN_IN_DOUBLE_QUOTES}.get(present)
        quotes = present if fits is None or fits.fullmatch(shielded) else "'"
    if not quotes:
        return shielded
    escaped = shielded.replace("\\", "\\\\").replace(quotes, f"\\{quotes}")
    return f"{quotes}{escaped}{quotes}"


def _shielded(value: str) -> str:
    """`${NAME}` written so that it is read as these characters, whatever the variables are.

    python-dotenv resolves `${NAME}` within every sort of quotes and knows no escape for it. `${:-$}` is the variable
    without a name, which cannot exist, and its default, a dollar sign.
    """
    return value.replace("${", "${:-$}{") if re.search(r"\$\{[^}]*\}", value) else value


def _prevailing_newline(text: str) -> str:
    counts = {"\r\n": text.count("\r\n")}
    counts["\n"] = text.count("\n") - counts["\r\n"]
    counts["\r"] = text.count("\r") - counts["\r\n"]
    newline = max(counts, key=lambda each: counts[each])
    return newline if counts[newline] else "\n"

"""A JSON object (RFC 8259) read once at its top level, with its text kept: one member changes, all else stays."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn, Self

from domain.errors import InvalidRequestError

# No dialect has a hundred; reading members one by one must not become a way to keep the server busy.
MAX_MEMBERS = 10_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A decoded value, and where it stands in the text, in characters."""

    value: object
    start: int
    end: int


class JsonObject:
    """A request body. Where a name occurs twice, its last value holds."""

    __slots__ = ("_members", "_opened", "_text", "body")

    def __init__(self, *, body: bytes, text: str, opened: int, members: Mapping[str, _Member]) -> None:
        self.body = body
        self._text = text
        self._opened = opened
        self._members = members

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body in UTF-8; a byte order mark is removed.

        Raises InvalidRequestError: not UTF-8, malformed, NaN or Infinity, nested too deep, not an object.
        """
        body = body.removeprefix(_BYTE_ORDER_MARK)
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequestError(
                f"The request body is not UTF-8 (at byte {error.start}). Send JSON in UTF-8.", code="invalid_json"
            ) from error
        try:
            opened, members = _read(text)
        except JSONDecodeError as error:
            why = f"{error.msg}: line {error.lineno} column {error.colno}" if text.strip() else "it is empty"
            raise InvalidRequestError(
                f"The request body is not valid JSON ({why}). Send a JSON object.", code="invalid_json"
            ) from error
        except RecursionError as error:
            raise InvalidRequestError("The request body is nested too deeply.", code="invalid_json") from error
        return cls(body=body, text=text, opened=opened, members=members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def get(self, name: str) -> object:
        """The decoded value; None also when there is no such member."""
        member = self._members.get(name)
        return None if member is None else member.value

    def with_member(self, name: str, value: object) -> bytes:
        """The body with this member's value replaced, or with the member put first; every other byte stays."""
        # ASCII, so that no lone surrogate in a value can fail to encode.
        written = json.dumps(value, separators=(",", ":")).encode("ascii")
        member = self._members.get(name)
        if member is not None:
            start, end = member.start, member.end
        else:
            start = end = self._opened
            written = json.dumps(name).encode("ascii") + b":" + written + (b"," if self._members else b"")
        return b"".join((self.body[: self._offset(start)], written, self.body[self._offset(end) :]))

    def _offset(self, position: int) -> int:
        """The byte at which the character at `position` begins."""
        return position if self._text.isascii() else len(self._text[:position].encode())


def json_kind(value: object) -> str:
    """What a decoded JSON value is, in words that follow `got`."""
    if value is None:
        return "null"
    # bool before int, whose subclass it is.
    kinds = ((bool, "a boolean"), (int, "an integer"), (float, "a number"), (str, "a string"), (list, "an array"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "an object")


def _read(text: str) -> tuple[int, dict[str, _Member]]:
    try:
        return _read_members(text, JSONDecoder(parse_constant=_refuse_constant))
    except JSONDecodeError:
        raise
    except ValueError:
        # int() refuses more than 4,300 digits, as a guard against its quadratic cost. The number is only passed on.
        return _read_members(text, JSONDecoder(parse_constant=_refuse_constant, parse_int=_any_int))


def _read_members(text: str, decoder: JSONDecoder) -> tuple[int, dict[str, _Member]]:
    """Where the object's inside begins, and its members. Each value is read by the C scanner in one go."""
    at = _skip(text, 0)
    if not text.startswith("{", at):
        kind = json_kind(decoder.decode(text))
        raise InvalidRequestError(f"The request body must be a JSON object, but got {kind}.", code="invalid_type")
    opened = at + 1
    members: dict[str, _Member] = {}
    at = _skip(text, opened)
    more = not text.startswith("}", at)
    while more:
        if not text.startswith('"', at):
            raise JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        name: Any
        name, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if not text.startswith(":", at):
            raise JSONDecodeError("Expecting ':' delimiter", text, at)
        start = _skip(text, at + 1)
        value, end = decoder.raw_decode(text, start)
        members[name] = _Member(value=value, start=start, end=end)
        if len(members) > MAX_MEMBERS:
            raise InvalidRequestError(f"The request body has more than {MAX_MEMBERS} members.", code="invalid_json")
        at = _skip(text, end)
        more = text.startswith(",", at)
        if more:
            at = _skip(text, at + 1)
        elif not text.startswith("}", at):
            raise JSONDecodeError("Expecting ',' delimiter", text, at)
    at = _skip(text, at + 1)
    if at != len(text):
        raise JSONDecodeError("Extra data", text, at)
    return opened, members


def _skip(text: str, at: int) -> int:
    found = _WHITE_SPACE.match(text, at)
    return at if found is None else found.end()


def _any_int(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequestError(
        f"The request body is not valid JSON: {name} is no JSON number. Send null or leave it out.", code="invalid_json"
    )

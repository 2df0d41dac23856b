"""A JSON object (RFC 8259) read once at its top level, with its text kept: one member changes, all else stays."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn, Self

from domain.errors import InvalidRequestError
from domain.words import Text

# No dialect has a hundred; reading members one by one must not become a way to keep the server busy.
MAX_MEMBERS = 10_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


# bool before int, whose subclass it is.
_KINDS = (
    (bool, Text("a boolean", "布尔值")),
    (int, Text("an integer", "整数")),
    (float, Text("a number", "数字")),
    (str, Text("a string", "字符串")),
    (list, Text("an array", "数组")),
)


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
                Text(
                    f"The request body is not UTF-8 (at byte {error.start}). Send JSON in UTF-8.",
                    f"请求体不是 UTF-8 编码（第 {error.start} 字节）。请发送 UTF-8 编码的 JSON。",
                ),
                code="invalid_json",
            ) from error
        try:
            opened, members = _read(text)
        except JSONDecodeError as error:
            place = f"{error.msg}: line {error.lineno} column {error.colno}"
            why = Text(place, place) if text.strip() else Text("it is empty", "内容为空")
            raise InvalidRequestError(
                Text(
                    f"The request body is not valid JSON ({why.en}). Send a JSON object.",
                    f"请求体不是有效的 JSON（{why.zh}）。请发送 JSON 对象。",
                ),
                code="invalid_json",
            ) from error
        except RecursionError as error:
            raise InvalidRequestError(
                Text("The request body is nested too deeply.", "请求体嵌套过深。"), code="invalid_json"
            ) from error
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
    return json_kind_told(value).en


def json_kind_told(value: object) -> Text:
    """As `json_kind`, in every language."""
    if value is None:
        return Text("null", "空值 null")
    return next((words for kind, words in _KINDS if isinstance(value, kind)), Text("an object", "对象"))


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
        kind = json_kind_told(decoder.decode(text))
        raise InvalidRequestError(
            Text(
                f"The request body must be a JSON object, but got {kind.en}.",
                f"请求体必须是 JSON 对象，而收到的是{kind.zh}。",
            ),
            code="invalid_type",
        )
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
            raise InvalidRequestError(
                Text(f"The request body has more than {MAX_MEMBERS} members.", f"请求体的成员超过 {MAX_MEMBERS} 个。"),
                code="invalid_json",
            )
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
        Text(
            f"The request body is not valid JSON: {name} is no JSON number. Send null or leave it out.",
            f"请求体不是有效的 JSON：{name} 不是 JSON 数字。请发送 null 或省略该项。",
        ),
        code="invalid_json",
    )

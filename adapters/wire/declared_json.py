"""Values of the domain as JSON, by the fields that their types declare, and back.

A dataclass is an object with all of its fields, a tuple an array, an Enum its value, a duration the seconds of ISO 8601
(`PT1.500000S`). A content part has its kind beside its fields. Mappings are in the words of the wire already.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from adapters.wire.json_object import json_kind_told
from domain.chat import AudioPart, FilePart, ImagePart, OtherPart, TextPart
from domain.errors import InvalidRequestError
from domain.words import Text

_Value = TypeVar("_Value")

_PART_KINDS: Mapping[type, str] = {
    TextPart: "text",
    ImagePart: "image",
    AudioPart: "audio",
    FilePart: "file",
    OtherPart: "other",
}
_PARTS = {kind: part for part, kind in _PART_KINDS.items()}

_MICROSECOND = timedelta(microseconds=1)
_DURATION = re.compile(r"(-?)PT(\d{1,20})(?:\.(\d{6}))?S", re.ASCII)
# Half of a character beyond U+FFFF (a surrogate), which models send and UTF-8 does not have.
_HALF = re.compile("[\ud800-\udfff]")
_SCALARS: Mapping[object, Text] = {
    str: Text("a string", "字符串"),
    bool: Text("a boolean", "布尔值"),
    int: Text("an integer", "整数"),
    float: Text("a number", "数字"),
}


def encoded(value: object) -> Any:
    """What `json_bytes` can write."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        whole, rest = divmod(abs(value) // _MICROSECOND, 1_000_000)
        return f"{'-' if value < timedelta() else ''}PT{whole}.{rest:06}S"
    if isinstance(value, tuple):
        return [encoded(item) for item in cast("tuple[object, ...]", value)]
    if is_dataclass(value) and not isinstance(value, type):
        kind = _PART_KINDS.get(type(value))
        tag = {} if kind is None else {"kind": kind}
        return tag | {each.name: encoded(getattr(value, each.name)) for each in _fields(type(value))}
    return value


def decoded(kind: type[_Value], value: object, where: str) -> _Value:
    """The value of this type. What is missing has its default, what is unknown is passed over.

    Raises InvalidRequestError that names the place; `where` is its beginning.
    """
    return cast("_Value", _decode(kind, value, where))


def json_bytes(value: object, *, indent: int | None = None) -> bytes:
    """JSON in UTF-8. Halves of a character are joined, or escaped where one is missing.

    NaN and Infinity stand as Python writes and reads them.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, default=_as_object)
    try:
        return text.encode()
    except UnicodeEncodeError:
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", joined).encode()


def json_value(data: bytes) -> object:
    """The value that JSON in UTF-8 tells. Raises InvalidRequestError."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        at = error.start
        raise InvalidRequestError(
            Text(f"This is not UTF-8 (at byte {at}).", f"内容不是 UTF-8 编码（第 {at} 字节）。"), code="invalid_json"
        ) from error
    except json.JSONDecodeError as error:
        why = f"{error.msg}: line {error.lineno} column {error.colno}"
        raise InvalidRequestError(
            Text(f"This is not valid JSON ({why}).", f"内容不是有效的 JSON（{why}）。"), code="invalid_json"
        ) from error
    except RecursionError as error:
        raise InvalidRequestError(Text("This is nested too deeply.", "内容嵌套过深。"), code="invalid_json") from error
    except ValueError as error:
        # int() refuses more than 4,300 digits.
        raise InvalidRequestError(
            Text("This holds a number of too many digits.", "其中有位数过多的数字。"), code="invalid_json"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    hint: object
    required: bool


@cache
def _fields(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Field(
            name=each.name,
            hint=hints[each.name],
            required=each.default is MISSING and each.default_factory is MISSING,
        )
        for each in fields(kind)
    )


def _decode(hint: object, value: object, where: str) -> object:
    if isinstance(hint, type):
        return _decode_plain(cast("type[object]", hint), value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType or origin is Union:
        return _decode_union(arguments, value, where)
    if origin is tuple:
        return tuple(_decode(arguments[0], item, f"{where}[{at}]") for at, item in enumerate(_array(value, where)))
    if origin is Literal:
        return _one_of({name: name for name in arguments}, value, where)
    return _object(value, where)


def _decode_plain(kind: type[object], value: object, where: str) -> object:
    if issubclass(kind, Enum):
        return _one_of({member.value: member for member in kind}, value, where)
    if is_dataclass(kind):
        return _decode_fields(kind, _object(value, where), where)
    return _duration(value, where) if kind is timedelta else _scalar(kind, value, where)


def _decode_union(members: tuple[object, ...], value: object, where: str) -> object:
    """Something or nothing, or one of the content parts."""
    if value is None and NoneType in members:
        return None
    first, *others = (member for member in members if member is not NoneType)
    if not others:
        return _decode(first, value, where)
    part = _object(value, where)
    return _decode_fields(_one_of(_PARTS, part.get("kind"), f"{where}.kind"), part, where)


def _decode_fields(kind: type, value: dict[str, Any], where: str) -> object:
    known: dict[str, object] = {}
    for each in _fields(kind):
        if each.name in value:
            known[each.name] = _decode(each.hint, value[each.name], f"{where}.{each.name}")
        elif each.required:
            place = f"{where}.{each.name}"
            raise InvalidRequestError(Text(f"`{place}` is missing.", f"缺少 `{place}`。"), param=place)
    make: Callable[..., object] = kind
    return make(**known)


def _scalar(kind: type[object], value: object, where: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _unlike(Text("a number of usual size", "大小正常的数字"), value, where) from None
    if type(value) is not kind:
        raise _unlike(_SCALARS[kind], value, where)
    return value


def _duration(value: object, where: str) -> timedelta:
    parts = _DURATION.fullmatch(value) if isinstance(value, str) else None
    try:
        if parts is not None:
            size = timedelta(seconds=int(parts[2]), microseconds=int(parts[3] or 0))
            return -size if parts[1] else size
    except OverflowError:
        pass
    raise _unlike(Text("a duration such as `PT1.500000S`", "形如 `PT1.500000S` 的时长"), value, where)


def _one_of(choices: Mapping[Any, _Value], value: object, where: str) -> _Value:
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(str, choices))
        raise _unlike(Text(f"one of {listed}", f"以下之一：{listed}"), value, where)
    return choices[value]


def _array(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _unlike(Text("an array", "数组"), value, where)
    return cast("list[object]", value)


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unlike(Text("an object", "对象"), value, where)
    return cast("dict[str, Any]", value)


def _unlike(wanted: Text, value: object, where: str) -> InvalidRequestError:
    got = Text("another string", "其他字符串") if isinstance(value, str) else json_kind_told(value)
    told = Text(f"`{where}` must be {wanted.en}, but is {got.en}.", f"`{where}` 必须是{wanted.zh}，而不是{got.zh}。")
    return InvalidRequestError(told, param=where)


def _as_object(value: object) -> object:
    """Mappings that are no dict, which json does not know."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"{type(value).__name__} is no JSON")

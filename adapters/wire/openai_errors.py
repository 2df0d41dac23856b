"""OpenAI's error object, `{"error": {"message", "type", "param", "code"}}`, written and recognized.

Upstreams and the proxies before them say what went wrong in many shapes; their words and codes survive the reshaping.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from adapters.wire.sse import escape_separators
from adapters.wire.upstream_words import read_page, showable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_LABEL_CHARS = 200
_MAX_DEPTH = 6
_MAX_ITEMS = 20

# What 404 means to OpenAI, too, is an invalid request (`"code": "model_not_found"`).
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

# Where words stand in an error document, the general before the particular: plain and nested errors, RFC 9457
# (`title`, `detail`), FastAPI (`detail`, `msg`), RFC 6749 (`error_description`), JSON:API and GraphQL (`errors`).
_WORDS = ("error", "title", "message", "msg", "detail", "error_description", "description", "errors")
_CODES = ("code", "error_code", "errorCode")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an error document says; empty or None where it is silent."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None


def error_type(status: int) -> str:
    """The `type` that goes with an HTTP status where the upstream names none."""
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")  # noqa: PLR2004


def encode_error(
    message: str,
    *,
    type: str,  # noqa: A002 - OpenAI's word
    param: str | None = None,
    code: str | None = None,
) -> bytes:
    """The error object in UTF-8, on one line."""
    error = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return escape_separators(json.dumps(error, ensure_ascii=False).encode(errors="replace"))


def tells_error(document: Mapping[str, Any]) -> bool:
    """Whether a payload of a 200 answer is an error after all: `{"error": …}` or what some servers send for it."""
    if document.get("error"):
        return True
    if "choices" in document:
        return False
    return (
        document.get("object") == "error"
        or isinstance(document.get("message"), str)
        or bool(document.get("detail") or document.get("errors"))
    )


def reshape_upstream_error(status: int, content_type: str | None, body: bytes, *, hint: str = "") -> bytes:
    """An upstream's error body in OpenAI's shape: byte for byte where it has it already.

    Reshaped words are bounded in length, and tokens in them are masked. A `hint` of ours follows the upstream's words.
    Never raises.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        document: object = json.loads(body.decode(errors="replace"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        told = _Told(message=_read_text(status, content_type, body))
    else:
        if _is_openai_error(document) and _is_utf8(body):
            return _with_hint(cast("dict[str, Any]", document), hint) if hint else body
        told = _read_document(document)
    message = showable(told.message) or f"The upstream answered with status {status} and no explanation."
    return encode_error(
        f"{message} {hint}" if hint else message,
        type=_label(told.type) or error_type(status),
        param=_label(told.param),
        code=_label(told.code),
    )


def _with_hint(document: dict[str, Any], hint: str) -> bytes:
    error: dict[str, Any] = document["error"]
    hinted = {**document, "error": {**error, "message": f"{error['message']} {hint}".lstrip()}}
    return escape_separators(json.dumps(hinted, ensure_ascii=False).encode(errors="replace"))


def _is_openai_error(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    error = cast("dict[str, object]", document).get("error")
    return isinstance(error, dict) and isinstance(cast("dict[str, object]", error).get("message"), str)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_text(status: int, content_type: str | None, body: bytes) -> str:
    words, marked_up = read_page(body, content_type)
    if not marked_up:
        return words
    page = f"The upstream, or a proxy before it, answered with status {status} and an HTML page instead of JSON"
    return f"{page}: {words}" if words.strip() else f"{page} without text."


def _read_document(document: object) -> _Told:
    if isinstance(document, list):
        items = cast("list[object]", document)
        # Google's OpenAI-compatible API puts its error object into an array.
        return _read_document(items[0]) if len(items) == 1 else _Told(message=_words(items) or _dumped(items))
    if not isinstance(document, dict):
        return _Told(message=document if isinstance(document, str) else "" if document is None else _dumped(document))
    members = cast("dict[str, Any]", document)
    found = tuple(_objects(members))
    error = members.get("error")
    # RFC 6749 section 5.2: `error` is a code where a description stands beside it.
    named = error if isinstance(error, str) and "error_description" in members else None
    return _Told(
        message=_words(members) or (_dumped(members) if members else ""),
        type=next((_type(each) for each in found if _type(each)), None),
        param=next((_param(each) for each in found if _param(each)), None),
        code=next((_code(each) for each in found if _code(each)), named),
    )


def _objects(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects that may describe the error, innermost first."""
    for name in ("error", "detail", "errors"):
        inner: object = document.get(name)
        if isinstance(inner, list) and inner:
            inner = cast("list[object]", inner)[0]
        if isinstance(inner, dict):
            yield cast("dict[str, Any]", inner)
    yield document


def _words(value: object, depth: int = 0) -> str:
    """The human words in an error document, each once."""
    if isinstance(value, str):
        return value.strip()
    if depth >= _MAX_DEPTH:
        return ""
    if isinstance(value, list):
        items = (_words(item, depth + 1) for item in cast("list[object]", value)[:_MAX_ITEMS])
        return "; ".join(item for item in items if item)
    if not isinstance(value, dict):
        return ""
    members = cast("dict[str, Any]", value)
    parts: list[str] = []
    for name in _WORDS:
        part = _words(members.get(name), depth + 1)
        if part and not any(part in before for before in parts):
            parts.append(part)
    where = _location(members)
    return ": ".join([where, *parts] if where and parts else parts)


def _location(members: Mapping[str, Any]) -> str:
    """FastAPI's `loc`, as a path: `["body", "messages", 0, "role"]` is `messages[0].role`."""
    loc: object = members.get("loc")
    if not isinstance(loc, list):
        return ""
    steps = [step for step in cast("list[object]", loc) if step != "body"]
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def _type(members: Mapping[str, Any]) -> str | None:
    told: object = members.get("type")
    # FastAPI's `type` is the name of a check, and RFC 9457's is an address.
    if "loc" in members or not isinstance(told, str) or ":" in told or "/" in told:
        return None
    return told


def _param(members: Mapping[str, Any]) -> str | None:
    told: object = members.get("param")
    return told if isinstance(told, str) else _location(members) or None


def _code(members: Mapping[str, Any]) -> str | None:
    for name in _CODES:
        told: object = members.get(name)
        if isinstance(told, str) or (isinstance(told, int) and not isinstance(told, bool)):
            return str(told)
    return None


def _label(text: str | None) -> str | None:
    return None if text is None else showable(text, max_chars=_MAX_LABEL_CHARS) or None


def _dumped(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def _refuse_constant(name: str) -> NoReturn:
    # Not JSON (RFC 8259 section 6): what follows reads it as text.
    raise ValueError(name)

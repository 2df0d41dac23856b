"""Reading a request's body within its limits."""

import asyncio
from contextlib import suppress

from starlette.types import Receive

from adapters.http_api.fields import Fields
from domain.errors import BodyTooLargeError, InvalidRequestError, UnsupportedMediaTypeError
from domain.words import Text

_PATIENCE_S = 2.0
_JSON = "application/json"


async def read_json_body(fields: Fields, receive: Receive, *, max_bytes: int) -> bytes:
    """The body of a JSON request, not parsed.

    Raises UnsupportedMediaTypeError, BodyTooLargeError (as soon as it is certain), and InvalidRequestError when the
    caller hangs up half-way.
    """
    _check_type(fields)
    declared = fields.get(b"content-length") or ""
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes:
        await _discard(receive, max_bytes)
        raise BodyTooLargeError(max_bytes)
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        piece, more = await _piece(receive)
        size += len(piece)
        if size > max_bytes:
            raise BodyTooLargeError(max_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _check_type(fields: Fields) -> None:
    given = fields.get(b"content-type") or ""
    if given != _JSON:
        media_type = given.partition(";")[0].strip().lower()
        if media_type and media_type != _JSON and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError(
                Text(
                    f"The Content-Type is {media_type[:100]!r}, where 'application/json' is due.",
                    f"Content-Type 为 {media_type[:100]!r}，而应为 'application/json'。",
                )
            )
    coding = fields.get(b"content-encoding")
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        coding = coding.strip().lower()
        raise UnsupportedMediaTypeError(
            Text(
                f"The Content-Encoding {coding[:50]!r} is not read; send the body as it is.",
                f"不支持 Content-Encoding {coding[:50]!r}；请原样发送请求体。",
            )
        )


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    """A piece of the body, and whether there is more of it."""
    message = await receive()
    if message["type"] != "http.request":
        raise InvalidRequestError(
            Text(
                "The request ended before its body was complete. Send it again.",
                "请求在其请求体完整之前结束。请重新发送。",
            )
        )
    return message.get("body", b""), message.get("more_body", False)


async def _discard(receive: Receive, max_bytes: int) -> None:
    """Read some of a body that is refused: a caller who is still sending may miss an answer that comes too early."""
    size = 0
    more = True
    with suppress(InvalidRequestError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while more and size <= max_bytes:
                piece, more = await _piece(receive)
                size += len(piece)

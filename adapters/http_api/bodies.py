"""Reading a request's body within its limits."""

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request

from domain.errors import BodyTooLargeError, InvalidRequestError, UnsupportedMediaTypeError

_PATIENCE_S = 2.0


async def read_json_body(request: Request, *, max_bytes: int) -> bytes:
    """The body of a JSON request, not parsed.

    Raises UnsupportedMediaTypeError, BodyTooLargeError (as soon as it is certain), and InvalidRequestError when the
    caller hangs up half-way.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaTypeError(f"The Content-Type is {media_type[:100]!r}, where 'application/json' is due.")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaTypeError(f"The Content-Encoding {coding[:50]!r} is not read; send the body as it is.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes:
        await _discard(request, max_bytes)
        raise BodyTooLargeError(max_bytes)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > max_bytes:
                raise BodyTooLargeError(max_bytes)
            pieces.append(piece)
    except ClientDisconnect as error:
        raise InvalidRequestError("The request ended before its body was complete.") from error
    return b"".join(pieces)


async def _discard(request: Request, max_bytes: int) -> None:
    """Read some of a body that is refused: a caller who is still sending may miss an answer that comes too early."""
    size = 0
    with suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            async for piece in request.stream():
                size += len(piece)
                if size > max_bytes:
                    return

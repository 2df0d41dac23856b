"""Reading a request's body within its limits."""

from starlette.requests import ClientDisconnect, Request

from domain.errors import BodyTooLargeError, InvalidRequestError, UnsupportedMediaTypeError


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

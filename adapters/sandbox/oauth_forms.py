"""Requests and refusals as RFC 6749 has them: forms without a parameter twice, errors by name, never to be cached."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from adapters.sandbox.oauth_errors import OAuthError
from adapters.sandbox.paced import HungUpResponse
from adapters.sandbox.refusals import json_response

MAX_BODY_BYTES = 64 * 1024
NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"


def whole(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A client that leaves before its request is complete gets no answer, and makes no noise."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return HungUpResponse()

    return guarded


async def limited_body(request: Request) -> bytes | None:
    """The request's body; None when it is longer than any honest one."""
    body = b""
    async for piece in request.stream():
        if len(body) <= MAX_BODY_BYTES:
            body += piece
    return body if len(body) <= MAX_BODY_BYTES else None


def read_form(request: Request, body: bytes | None) -> dict[str, str]:
    """The parameters that have a value: an empty one counts as omitted (section 3.2). Raises OAuthError."""
    if body is None:
        raise OAuthError("invalid_request", f"The body exceeds {MAX_BODY_BYTES} bytes.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"The content type must be {_FORM}.")
    found, twice = read_pairs(body)
    if twice:
        raise OAuthError("invalid_request", "A parameter is included more than once.")
    return found


def read_pairs(encoded: bytes) -> tuple[dict[str, str], frozenset[str]]:
    """The parameters that have a value, and the names of those given more than once. Raises OAuthError."""
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise OAuthError("invalid_request", "The parameters are not form-encoded UTF-8.") from None
    names = [name for name, _ in pairs]
    twice = frozenset(name for name in names if names.count(name) > 1)
    return {name: value for name, value in pairs if value}, twice


def recorded_headers(request: Request) -> dict[str, str]:
    """The headers, their names in lower case."""
    return dict(request.headers.items())


def error_response(error: OAuthError, *, headers: Mapping[str, str] | None = None) -> Response:
    # RFC 9110 section 15.5.2 demands a challenge with every 401.
    challenge = {"WWW-Authenticate": 'Basic realm="oca-sandbox"'} if error.status == 401 else {}  # noqa: PLR2004
    return json_response(
        {"error": error.error, "error_description": str(error)},
        status=error.status,
        headers={**NEVER_STORED, **challenge, **(headers or {})},
    )

"""The OAuth 2.0 token endpoint: `POST /oauth2/v1/token`, grant `refresh_token`, for one public client.

Strict where RFC 6749 is: form-encoded only, no parameter twice, empty parameters count as omitted (section 3.2),
answers as of sections 5.1 and 5.2, never to be cached. Refresh tokens are used once (`adapters.sandbox.logins`).
`SandboxControls` sets lifetimes and delays and lets answers go wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from adapters.sandbox.controls import ExchangeUnderWay, SandboxControls, TokenFault
from adapters.sandbox.logins import SCOPES, Grant, GrantRefusedError
from adapters.sandbox.paced import HungUpResponse, disconnection
from adapters.sandbox.refusals import json_response
from adapters.sandbox.world import CLIENT_ID, TOKEN_PATH

MAX_BODY_BYTES = 64 * 1024
NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"


class _TokenRequestError(Exception):
    """An error answer of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


def authorization_server(controls: SandboxControls) -> Starlette:
    """An ASGI application that serves the token endpoint at TOKEN_PATH."""

    async def token(request: Request) -> Response:
        with controls.token_request() as under_way:
            return await _answer(request, controls, under_way)

    return Starlette(routes=[Route(TOKEN_PATH, _whole(token), methods=["POST"])])


def _whole(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A client that leaves before its request is complete gets no answer, and makes no noise."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return HungUpResponse()

    return guarded


async def _answer(request: Request, controls: SandboxControls, under_way: ExchangeUnderWay) -> Response:
    body = await _limited_body(request)
    fault = controls.take_fault()
    # The refresh token is spent at once and the answer comes later: as with a slow network, the client that gives up
    # meanwhile has lost its login.
    response = _respond(request, body, fault, controls, under_way)
    delay = controls.take_delay()
    if delay > timedelta(0):
        with suppress(TimeoutError):
            async with asyncio.timeout(delay.total_seconds()):
                await disconnection(request.receive)
    return response


def _respond(
    request: Request,
    body: bytes | None,
    fault: TokenFault | None,
    controls: SandboxControls,
    under_way: ExchangeUnderWay,
) -> Response:
    failed = None if fault is None else _failure_before_rotation(fault, controls)
    if failed is not None:
        return failed
    try:
        refresh_token = _read_refresh_token(request, body)
        grant = controls.logins.exchange(
            refresh_token,
            lifetime=controls.access_token_lifetime,
            grace=controls.grace,
            rotate=fault is not TokenFault.NO_REFRESH_TOKEN,
        )
    except GrantRefusedError as refusal:
        controls.count_refusal(reused=refusal.reused)
        return _error(_TokenRequestError("invalid_grant", str(refusal)))
    except _TokenRequestError as error:
        controls.count_refusal(reused=False)
        return _error(error)
    controls.count_grant()
    under_way.granted = True
    if fault is TokenFault.CLOSED_AFTER_ROTATION:
        return HungUpResponse()
    return json_response(_grant_body(grant, fault), headers=NEVER_STORED)


def _failure_before_rotation(fault: TokenFault, controls: SandboxControls) -> Response | None:
    match fault:
        case TokenFault.STATUS_500:
            return PlainTextResponse("Internal Server Error", status_code=500)
        case TokenFault.STATUS_503:
            retry_after = {"Retry-After": str(max(0, round(controls.retry_after.total_seconds())))}
            return _error(
                _TokenRequestError("temporarily_unavailable", "Try again later.", status=503), headers=retry_after
            )
        case TokenFault.HTML:
            page = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
            return HTMLResponse(page, status_code=502)
        case TokenFault.NOT_JSON:
            return PlainTextResponse("Please log in to the guest network first.")
        case TokenFault.CLOSED_BEFORE_ROTATION:
            return HungUpResponse()
        case _:
            return None


def _grant_body(grant: Grant, fault: TokenFault | None) -> dict[str, Any]:
    """RFC 6749 section 5.1."""
    seconds = grant.lifetime.total_seconds()
    expires_in: Any = int(seconds) if seconds.is_integer() else seconds
    if fault is TokenFault.EXPIRES_IN_STRING:
        expires_in = str(expires_in)
    elif fault is TokenFault.EXPIRES_IN_WRONG:
        expires_in = "soon"
    body = {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "refresh_token": grant.refresh_token,
        "scope": " ".join(sorted(SCOPES)),
    }
    if fault is TokenFault.NO_EXPIRES_IN:
        del body["expires_in"]
    return {key: value for key, value in body.items() if value is not None}


def _read_refresh_token(request: Request, body: bytes | None) -> str:
    form = _read_form(request, body)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise _TokenRequestError("invalid_request", "The parameter grant_type is missing.")
    if "authorization" in request.headers or "client_secret" in form:
        raise _TokenRequestError("invalid_client", "This client is public: it has no secret.", status=401)
    if "client_id" not in form:
        raise _TokenRequestError("invalid_request", "The parameter client_id is missing.")
    if form["client_id"] != CLIENT_ID:
        raise _TokenRequestError("invalid_client", "There is no such client.", status=401)
    if grant_type != "refresh_token":
        raise _TokenRequestError("unsupported_grant_type", "Only grant_type=refresh_token is supported.")
    if not set(form.get("scope", "").split()) <= SCOPES:
        raise _TokenRequestError("invalid_scope", "The scope exceeds what was granted at login.")
    if "refresh_token" not in form:
        raise _TokenRequestError("invalid_request", "The parameter refresh_token is missing.")
    return form["refresh_token"]


def _read_form(request: Request, body: bytes | None) -> dict[str, str]:
    if body is None:
        raise _TokenRequestError("invalid_request", f"The body exceeds {MAX_BODY_BYTES} bytes.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _TokenRequestError("invalid_request", f"The content type must be {_FORM}.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise _TokenRequestError("invalid_request", "The body is not a form in UTF-8.") from None
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise _TokenRequestError("invalid_request", "A parameter is included more than once.")
    return {name: value for name, value in pairs if value}


async def _limited_body(request: Request) -> bytes | None:
    """The request's body; None when it is longer than any honest one."""
    body = b""
    async for piece in request.stream():
        if len(body) <= MAX_BODY_BYTES:
            body += piece
    return body if len(body) <= MAX_BODY_BYTES else None


def _error(error: _TokenRequestError, *, headers: dict[str, str] | None = None) -> Response:
    # RFC 9110 section 15.5.2 demands a challenge with every 401.
    challenge = {"WWW-Authenticate": 'Basic realm="oca-sandbox"'} if error.status == 401 else {}  # noqa: PLR2004
    return json_response(
        {"error": error.error, "error_description": str(error)},
        status=error.status,
        headers=NEVER_STORED | challenge | (headers or {}),
    )

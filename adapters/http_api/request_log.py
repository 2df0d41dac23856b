"""A request's id and its one log line, as plain ASGI: nothing between the route and the socket buffers or cancels."""

import re
import uuid
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http_api.errors import internal_error
from adapters.wire.relay_headers import REQUEST_ID

_log = structlog.stdlib.get_logger("oca.http")
_GOOD_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_QUIET_PATHS = {"/healthz", "/readyz"}


class RequestLog:
    """Gives each request an id (the caller's `x-request-id`, or a new one) and writes one line when it is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _GOOD_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
        scope.setdefault("state", {})["request_id"] = request_id
        begun = perf_counter()
        status = 0
        size = 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
                await send(message)
                # Afterwards: a status line that could not be written has not begun an answer.
                status = message["status"]
                return
            size += len(message.get("body", b""))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, counted)
            except Exception:
                # The last catch before the server: the caller gets an answer, the log the cause.
                _log.exception("request failed", method=scope["method"], path=scope["path"])
                if status != 0:
                    raise
                await internal_error(request_id).response()(scope, receive, counted)
            finally:
                write = _log.debug if scope["path"] in _QUIET_PATHS else _log.info
                write(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    bytes_out=size,
                    took_ms=round((perf_counter() - begun) * 1000, 1),
                )

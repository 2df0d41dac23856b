"""A request's id and its one log line, as plain ASGI: nothing between the route and the socket buffers or cancels."""

import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from adapters.http_api.errors import internal_error
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from adapters.http_api.metrics import Metrics
from adapters.wire.relay_headers import REQUEST_ID
from domain.words import Language

_log = structlog.stdlib.get_logger("oca.http")
# Found by structlog among the context's variables by its name; so it is in every line that this request causes.
NAMED: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
_GOOD_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_QUIET_PATHS = {"/healthz", "/readyz", "/metrics"}
_FIELD = REQUEST_ID.encode("ascii")


class RequestLog:
    """Gives each request an id (the caller's `x-request-id`, or a new one), counts it and writes a line at its end."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        write: Callable[..., None] | None = None,
        language: Language = Language.ENGLISH,
    ) -> None:
        """`write` takes an event and its values, as a logger's `info` does."""
        self._app = app
        self._metrics = metrics
        self._write = write
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if "request_id" not in state:
            begin(scope)
        answer = _Answer(state["request_id"], send)
        named = NAMED.set(answer.request_id)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            # The last catch before the server: the caller gets an answer, the log the cause.
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            if answer.status != 0:
                raise
            language = language_of(Fields.of(scope), self._language)
            await internal_error(answer.request_id, language).response()(scope, receive, answer.send)
        finally:
            path = scope["path"]
            self._metrics.answered(path, answer.status)
            write = _log.debug if path in _QUIET_PATHS else self._write or _log.info
            write(
                "request",
                request_id=answer.request_id,
                method=scope["method"],
                path=path,
                status=answer.status,
                bytes_out=answer.size,
                took_ms=round((perf_counter() - state["begun_s"]) * 1000, 1),
            )
            NAMED.reset(named)


def begin(scope: Scope) -> None:
    """Note in a request's state its id, and when it came."""
    given = Fields.of(scope).get(_FIELD)
    fits = given is not None and _GOOD_ID.fullmatch(given)
    state = scope["state"]
    state["request_id"] = given if fits else f"req_{random.getrandbits(128):032x}"
    state["begun_s"] = perf_counter()


class _Answer:
    """What has been sent; each answer gets its request's id."""

    __slots__ = ("_send", "request_id", "size", "status")

    def __init__(self, request_id: str, send: Send) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            await self._send(message)
            return
        headers = [header for header in message.get("headers", ()) if header[0] != _FIELD]
        headers.append((_FIELD, self.request_id.encode("ascii")))
        message["headers"] = headers
        await self._send(message)
        # Afterwards: a status line that could not be written has not begun an answer.
        self.status = message["status"]

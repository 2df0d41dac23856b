"""uvicorn's HTTP protocol, which offers each request to the fast path first."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import structlog
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from adapters.http_api.fast_path.admission import FastPath
from adapters.http_api.fast_path.joining import JoiningProtocol
from adapters.http_api.fast_path.passage import Passage

_log = structlog.stdlib.get_logger("oca.relay")


class FastPathProtocol(JoiningProtocol):
    """Implements CallerWire. The application's `fast_path`, if it has one, is asked; else all is as in uvicorn."""

    _passage: Passage | None = None
    # The body of a request that was admitted, as far as it has come.
    _pieces: list[bytes] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._write: Callable[[bytes], None] = _nowhere
        self._asgi: Any = cast("Any", self.app)  # pyright: ignore[reportUnknownMemberType]
        self._fast_path: FastPath | None = getattr(self._asgi, "fast_path", None)
        if self.root_path or self.limit_concurrency is not None:
            self._fast_path = None

    # What the parser tells.

    @override
    def on_headers_complete(self) -> None:
        if self._fast_path is not None and self._is_plain() and self._fast_path.admits(self._any_scope, self.url):
            self._pieces = []
        else:
            super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    @override
    def on_message_complete(self) -> None:
        pieces = self._pieces
        if pieces is None or self._fast_path is None:
            super().on_message_complete()
            return
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        try:
            passage = self._fast_path.begin(self._any_scope, body, self)
        except Exception:  # noqa: BLE001 - the parser would take it for a fault of the request
            _log.exception("the fast path failed; going on without it")
            passage = None
        if passage is None:
            self._over_asgi(complete=True)
        else:
            self._pieces = None
            self._passage = passage
            self.cycle = cast("RequestResponseCycle", passage)

    # CallerWire.

    congested = False

    @property
    def write_now(self) -> Callable[[bytes], None]:
        return self._write

    def status_line(self, status: int) -> bytes:
        return STATUS_LINE[status] + _lines(tuple(self.server_state.default_headers))

    def completed(self, passage: Passage) -> None:
        self._let_go(passage, None)
        if not passage.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def hand_over(self, passage: Passage) -> None:
        cycle = self._new_cycle(cast("dict[str, Any]", passage.scope))
        cycle.keep_alive = passage.keep_alive
        cycle.more_body = False
        self._let_go(passage, cycle)
        self._start_asgi_task(cycle, self._asgi)

    # What the event loop and the server tell.

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._write = transport.write

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._pieces is not None:
            self._over_asgi(complete=False)
        super().connection_lost(exc)
        if self._passage is not None:
            self._passage.caller_left()
            self._passage = None

    @override
    def pause_writing(self) -> None:
        self.congested = True
        super().pause_writing()

    @override
    def resume_writing(self) -> None:
        self.congested = False
        super().resume_writing()
        if self._passage is not None:
            self._passage.caller_has_room()

    @override
    def shutdown(self) -> None:
        if self._pieces is not None:
            self._over_asgi(complete=False)
        super().shutdown()
        if self._passage is not None:
            # uvicorn waits for its tasks, and cancels those that take too long.
            farewell = self.loop.create_task(self._passage.settled(), name="oca-fast-path-farewell")
            self.tasks.add(farewell)
            farewell.add_done_callback(self.tasks.discard)

    def _let_go(self, passage: Passage, cycle: RequestResponseCycle | None) -> None:
        """Forget a passage; `cycle` is what goes on in its place. A request that waits in the pipeline stays last."""
        self._passage = None
        if self.cycle is cast("RequestResponseCycle", passage):
            self.cycle = cast("RequestResponseCycle", cycle)

    @property
    def _any_scope(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.scope)

    def _is_plain(self) -> bool:
        parser: Any = self.parser
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and (cycle is None or cycle.response_complete)
            and not self.pipeline
        )

    def _over_asgi(self, *, complete: bool) -> None:
        """Let the request whose body has been collected so far go the way that uvicorn has for it."""
        pieces, self._pieces = self._pieces or [], None
        self.cycle = cycle = self._new_cycle(self._any_scope)
        cycle.body += b"".join(pieces)
        cycle.more_body = not complete
        cycle.message_event.set()
        self._start_asgi_task(cycle, self._asgi)

    def _new_cycle(self, scope: dict[str, Any]) -> RequestResponseCycle:
        """As uvicorn makes it of such a request."""
        return RequestResponseCycle(
            scope=cast("Any", scope),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )


def _nowhere(_: bytes) -> None:
    """Before there is a connection."""


@lru_cache(4)
def _lines(fields: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Uvicorn's own fields, which change once a second."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)

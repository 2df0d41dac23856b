"""An exchange over a connection, from its request to the last piece of its answer."""

import zlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Self

from adapters.transport.content_coding import ContentDecoder, undo_coding
from adapters.transport.failures import (
    PROXY_AUTHENTICATION_REQUIRED,
    lost,
    overdue,
    refused_by_proxy,
    silent,
    stalled,
    too_large,
)
from adapters.transport.httptools.arrivals import BODY, HEAD, WHOLE
from adapters.transport.httptools.connection import Connection
from adapters.transport.outgoing import SLICE_BYTES
from adapters.transport.peers import Peer
from adapters.transport.piece_limit import PieceLimit
from domain.errors import TransportError
from domain.http import Headers, HttpRequest, Timeouts

# Up to this size a body is copied behind its head, so that both leave in one write.
SMALL_BYTES = 16 * 1024
NEVER = float("inf")


class UnsentError(Exception):
    """The request provably never left: the socket took not one byte of it."""


class HttptoolsResponseStream:
    """ports.transport.AsyncResponseStream over a connection. Iterating goes on where it was left.

    `release` gets the connection when the exchange is over, however it ended.
    """

    __slots__ = (
        "_answer_by",
        "_connection",
        "_decoded",
        "_decoder",
        "_ended",
        "_failure",
        "_limit",
        "_now",
        "_peer",
        "_pieces",
        "_read_s",
        "_release",
        "_timeouts",
        "headers",
        "reason",
        "status",
    )

    def __init__(
        self,
        connection: Connection | None,
        *,
        now: Callable[[], float],
        peer: Peer,
        timeouts: Timeouts,
        release: Callable[[Connection], None],
    ) -> None:
        """`now` is the event loop's clock, in seconds. A connection may come later, but before anything is asked."""
        self.status = 0
        self.reason = b""
        self.headers: Headers = ()
        self._connection: Connection | None = connection
        self._peer = peer
        self._timeouts = timeouts
        self._release = release
        self._now = now
        self._read_s = timeouts.read.total_seconds()
        self._answer_by = NEVER
        self._limit: PieceLimit | None = None
        self._pieces: deque[bytes] = deque()
        self._decoder: ContentDecoder | None = None
        self._decoded: Iterator[bytes] = iter(())
        self._failure: TransportError | None = None
        self._ended = False

    def sent(self, head: bytes, request: HttpRequest) -> bool:
        """Send the request, or its beginning if its body is large. False when it provably never left."""
        connection = self._connection
        assert connection is not None  # noqa: S101 - an exchange is begun once
        total = self._timeouts.total
        if total is not None:
            self._answer_by = self._now() + total.total_seconds()
        connection.begin(bodiless=request.method == "HEAD")
        body = request.body
        if len(body) <= SMALL_BYTES:
            taken = connection.write(head + body if body else head)
        else:
            taken = connection.write(head, memoryview(body)[:SLICE_BYTES])
        if not taken:
            self._leave()
        return taken

    async def ask(self, head: bytes, request: HttpRequest) -> None:
        """Send the request, await the head of its answer. Raises UnsentError; TransportError once it may have left."""
        if not self.sent(head, request):
            raise UnsentError
        if self._connection is not None and len(request.body) > SLICE_BYTES:
            await self._send_rest(self._connection, request.body)
        await self.head()

    async def head(self) -> None:
        """Await the head of the answer. Raises TransportError."""
        while (connection := self._connection) is not None and connection.phase is HEAD:
            await self._wait(connection)
        if self._failure is not None:
            raise self._failure
        if connection is None:
            raise self._left()
        if not connection.answered:
            raise self._broken(connection)
        self._read_head(connection)
        if self.status == PROXY_AUTHENTICATION_REQUIRED and self._peer.forwarded:
            self._leave()
            raise refused_by_proxy(self._peer, f"{self.status} {self.reason.decode('latin-1')}".strip())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces and self._decoder is None:
            return self._taken()
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise StopAsyncIteration
        limit = self._limit
        if limit is None:
            return await self._next()
        limit.wait_begins()
        piece = await self._next()
        limit.wait_ends()
        return piece

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        # A coded body is not poured: what is left of it is decoded by a reader who iterates.
        while (connection := self._connection) is not None and self._decoder is None:
            if self._pieces:
                if not sink(connection.taken()):
                    return True
            elif connection.phase is BODY:
                connection.sink = sink
                try:
                    await self._wait(connection)
                    if not connection.pours():
                        return True
                finally:
                    connection.sink = None
            else:
                break
        return False

    def wait_at_most(self, limit: timedelta) -> None:
        if self._limit is None:
            self._limit = PieceLimit(now=self._now)
        self._limit.renew(limit)

    async def read_whole(self, max_bytes: int) -> bytes:
        """The rest of the body. Raises ResponseTooLargeError without reading beyond the limit."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > max_bytes:
                raise too_large(self._peer, max_bytes=max_bytes)
        return bytes(body)

    async def aclose(self) -> None:
        self._leave()

    def _read_head(self, connection: Connection) -> None:
        if self.status == 0:
            self.status = connection.status
            self.reason = connection.reason
            self.headers = tuple(connection.headers)
            self._pieces = connection.pieces
            if connection.coded:
                self.headers, self._decoder = undo_coding(self.headers)

    async def _send_rest(self, connection: Connection, body: bytes) -> None:
        """The body in slices, so that a limit holds for each of them and not for a whole large upload."""
        view = memoryview(body)
        for start in range(SLICE_BYTES, len(body), SLICE_BYTES):
            while connection.congested and connection.phase is HEAD:
                await self._wait(connection)
            if connection.phase is not HEAD:
                connection.keep = False  # it has its answer already, and will never get the rest
                return
            connection.write(view[start : start + SLICE_BYTES])

    async def _next(self) -> bytes:
        """The next piece, which may have to be waited for or decoded."""
        while (connection := self._connection) is not None:
            if self._decoder is not None:
                piece = self._next_decoded()
                if piece is not None:
                    return piece
            elif self._pieces:
                return self._taken()
            if connection.phase is BODY:
                await self._wait(connection)
            elif connection.phase is WHOLE:
                self._end(connection)
                raise StopAsyncIteration
            else:
                raise self._broken(connection)
        raise self._left()

    def _taken(self) -> bytes:
        piece = self._pieces.popleft()
        assert self._connection is not None  # noqa: S101 - pieces are dropped with it
        self._connection.took(len(piece))
        return piece

    def _next_decoded(self) -> bytes | None:
        assert self._decoder is not None  # noqa: S101 - for the type checker
        try:
            while True:
                piece = next(self._decoded, None)
                if piece is not None:
                    return piece
                if not self._pieces:
                    return None
                self._decoded = self._decoder.feed(self._taken())
        except zlib.error as error:
            raise self._undecodable(error) from error

    def _end(self, connection: Connection) -> None:
        if self._decoder is not None:
            try:
                self._decoder.finish()
            except zlib.error as error:
                raise self._undecodable(error) from error
        self._ended = True
        self._connection = None
        self._release(connection)

    async def _wait(self, connection: Connection, heard_at: float | None = None) -> None:
        try:
            await connection.news(self._until, heard_at)
        except TimeoutError as error:
            raise self._fail(self._late(connection.heard_at), error) from error
        except BaseException:
            # Cancelled. What is left of the answer must not look like its end.
            self._leave()
            raise
        if self._connection is None:
            raise self._left()

    def _until(self, heard_at: float) -> float:
        """When the wait under way is over, if nothing comes after `heard_at`."""
        until = min(heard_at + self._read_s, self._answer_by)
        limit = self._limit
        return until if limit is None or limit.by is None else min(until, limit.by)

    def _late(self, heard_at: float) -> TransportError:
        """The error of the limit that has passed: the one that was the first to."""
        limit, silent_by = self._limit, heard_at + self._read_s
        own = None if limit is None else limit.if_sooner(min(silent_by, self._answer_by))
        if own is not None:
            return stalled(self._peer, limit=own)
        if self._timeouts.total is not None and self._answer_by <= silent_by:
            return overdue(self._peer, limit=self._timeouts.total)
        return silent(self._peer, limit=self._timeouts.read)

    def _broken(self, connection: Connection) -> TransportError:
        if connection.broken is None:
            return self._left()
        return self._fail(lost(self._peer, connection.broken, otherwise=connection.how), connection.broken)

    def _undecodable(self, error: zlib.error) -> TransportError:
        return self._fail(lost(self._peer, error, otherwise="the answer's content coding is broken"), error)

    def _left(self) -> TransportError:
        error = EOFError()
        return self._fail(lost(self._peer, error, otherwise="it was closed here before its end"), error)

    def _fail(self, failure: TransportError, cause: Exception) -> TransportError:
        """The stream is broken from now on, and its connection closed before the reader closes it."""
        failure.__cause__ = cause
        self._failure = failure
        self._leave()
        return failure

    def _leave(self) -> None:
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._pieces = deque()
            self._decoded = iter(())
            self._release(connection)

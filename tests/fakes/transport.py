"""Transports without a network: a script, a plain function, says how every exchange goes.

    def script(request: HttpRequest, route: Route) -> Reply:
        if route is Route.DIRECT:
            return NotConnectedError("could not connect")
        return Scripted(status=200, pieces=(b"data: 1\\n\\n", ConnectionLostError("it broke")))

    transport = FakeTransport(script)

A `timedelta` among the pieces is a silence: it takes no time, and counts against `wait_at_most`. What was asked is in
`exchanges`, what was opened in `streams`.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, Self, TypeAlias

from domain.errors import ConnectionLostError, ResponseTimeoutError, ResponseTooLargeError, TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts

Piece: TypeAlias = bytes | timedelta | TransportError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """An answer told piece by piece; a TransportError among the pieces is raised in its place.

    Only FakeAsyncTransport takes asynchronous pieces, which can wait for the test between two of them; there
    `wait_at_most` counts real time as well.
    """

    status: int = 200
    headers: Headers = ()
    pieces: Iterable[Piece] | AsyncIterable[Piece] = ()


Reply: TypeAlias = HttpResponse | TransportError | Scripted
Script: TypeAlias = Callable[[HttpRequest, Route], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a transport was asked to do; `streamed` tells `open_stream` from `send`."""

    request: HttpRequest
    route: Route
    timeouts: Timeouts
    streamed: bool


class _FakeStream:
    """What both kinds have in common. `limit` is what `wait_at_most` was last told, `left` what remains of it."""

    def __init__(self, answer: Scripted) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.ended = False
        self.closed = False
        self.failure: TransportError | None = None
        self.limit: timedelta | None = None
        self.left = timedelta(0)

    def wait_at_most(self, limit: timedelta) -> None:
        self.limit = self.left = limit

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        del sink
        return False

    def check_readable(self) -> None:
        """A stream that broke stays broken, and one that was closed early never looks complete."""
        if self.failure is not None:
            raise self.failure
        if self.closed and not self.ended:
            raise ConnectionLostError("it was closed here before its end")

    def taken(self, piece: Piece) -> bytes:
        """What a piece of the script gives its reader, which may be nothing."""
        match piece:
            case bytes():
                return piece
            case timedelta():
                self.left -= piece
                if self.limit is None or self.left > timedelta(0):
                    return b""
                return self.breaks(self.stalled())
            case TransportError():
                return self.breaks(piece)

    def breaks(self, failure: TransportError) -> NoReturn:
        self.failure = failure
        self.closed = True
        raise failure

    def stalled(self) -> ResponseTimeoutError:
        assert self.limit is not None
        return ResponseTimeoutError(f"the upstream sent nothing new for {self.limit.total_seconds():g} s")


class FakeResponseStream(_FakeStream):
    """An answer of FakeTransport. `ended` is set once its last piece was read, `closed` once it was closed."""

    def __init__(self, answer: Scripted) -> None:
        super().__init__(answer)
        assert isinstance(answer.pieces, Iterable), "asynchronous pieces are for FakeAsyncTransport"
        self._pieces = iter(answer.pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.check_readable()
        for piece in self._pieces:
            if taken := self.taken(piece):
                return taken
        self.ended = True
        raise StopIteration

    def close(self) -> None:
        self.closed = True


class FakeAsyncResponseStream(_FakeStream):
    """As FakeResponseStream, for asyncio."""

    def __init__(self, answer: Scripted) -> None:
        super().__init__(answer)
        self._pieces = aiter(answer.pieces if isinstance(answer.pieces, AsyncIterable) else _later(answer.pieces))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self.check_readable()
        try:
            async with asyncio.timeout(None if self.limit is None else self.left.total_seconds()):
                async for piece in self._pieces:
                    if taken := self.taken(piece):
                        return taken
        except TimeoutError:
            self.breaks(self.stalled())
        self.ended = True
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


class FakeTransport:
    def __init__(self, script: Script) -> None:
        self.exchanges: list[Exchange] = []
        self.streams: list[FakeResponseStream] = []
        self.closed = False
        self._script = script

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        self.exchanges.append(Exchange(request=request, route=route, timeouts=timeouts, streamed=False))
        stream = FakeResponseStream(_answer(self._script(request, route)))
        return _whole(stream, b"".join(stream), max_bytes)

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> FakeResponseStream:
        self.exchanges.append(Exchange(request=request, route=route, timeouts=timeouts, streamed=True))
        stream = FakeResponseStream(_answer(self._script(request, route)))
        self.streams.append(stream)
        return stream

    def close(self) -> None:
        self.closed = True


class FakeAsyncTransport:
    def __init__(self, script: Script) -> None:
        self.exchanges: list[Exchange] = []
        self.streams: list[FakeAsyncResponseStream] = []
        self.closed = False
        self._script = script

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        self.exchanges.append(Exchange(request=request, route=route, timeouts=timeouts, streamed=False))
        stream = FakeAsyncResponseStream(_answer(self._script(request, route)))
        return _whole(stream, b"".join([piece async for piece in stream]), max_bytes)

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> FakeAsyncResponseStream:
        self.exchanges.append(Exchange(request=request, route=route, timeouts=timeouts, streamed=True))
        stream = FakeAsyncResponseStream(_answer(self._script(request, route)))
        self.streams.append(stream)
        return stream

    def ask_at_once(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> None:
        """Never: a script has no idle connection."""

    async def aclose(self) -> None:
        self.closed = True


def _answer(reply: Reply) -> Scripted:
    match reply:
        case TransportError():
            raise reply
        case HttpResponse():
            return Scripted(status=reply.status, headers=reply.headers, pieces=(reply.body,))
        case Scripted():
            return reply


def _whole(stream: FakeResponseStream | FakeAsyncResponseStream, body: bytes, max_bytes: int) -> HttpResponse:
    if len(body) > max_bytes:
        raise ResponseTooLargeError(f"the answer is larger than {max_bytes} bytes")
    return HttpResponse(status=stream.status, headers=stream.headers, body=body)


async def _later(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece

"""Transports without a network: a script, a plain function, says how every exchange goes.

    def script(request: HttpRequest, route: Route) -> Reply:
        if route is Route.DIRECT:
            return NotConnectedError("could not connect")
        return Scripted(status=200, pieces=(b"data: 1\\n\\n", ConnectionLostError("it broke")))

    transport = FakeTransport(script)

What was asked is in `exchanges`, what was opened in `streams`.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

from domain.errors import ConnectionLostError, ResponseTooLargeError, TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts

Piece: TypeAlias = bytes | TransportError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """An answer told piece by piece; a TransportError among the pieces is raised in its place.

    Only FakeAsyncTransport takes asynchronous pieces, which can wait for the test between two of them.
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


class FakeResponseStream:
    """An answer of FakeTransport. `ended` is set once its last piece was read, `closed` once it was closed."""

    def __init__(self, answer: Scripted) -> None:
        assert isinstance(answer.pieces, Iterable), "asynchronous pieces are for FakeAsyncTransport"
        self.status = answer.status
        self.headers = answer.headers
        self.ended = False
        self.closed = False
        self._pieces = iter(answer.pieces)
        self._failure: TransportError | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        _check_readable(self)
        for piece in self._pieces:
            if isinstance(piece, TransportError):
                self._failure = piece
                self.closed = True
                raise piece
            if piece:
                return piece
        self.ended = True
        raise StopIteration

    @property
    def failure(self) -> TransportError | None:
        return self._failure

    def close(self) -> None:
        self.closed = True


class FakeAsyncResponseStream:
    """As FakeResponseStream, for asyncio."""

    def __init__(self, answer: Scripted) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.ended = False
        self.closed = False
        self._pieces = aiter(answer.pieces if isinstance(answer.pieces, AsyncIterable) else _later(answer.pieces))
        self._failure: TransportError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        _check_readable(self)
        async for piece in self._pieces:
            if isinstance(piece, TransportError):
                self._failure = piece
                self.closed = True
                raise piece
            if piece:
                return piece
        self.ended = True
        raise StopAsyncIteration

    @property
    def failure(self) -> TransportError | None:
        return self._failure

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


def _check_readable(stream: FakeResponseStream | FakeAsyncResponseStream) -> None:
    """A stream that broke stays broken, and one that was closed early never looks complete."""
    if stream.failure is not None:
        raise stream.failure
    if stream.closed and not stream.ended:
        raise ConnectionLostError("it was closed here before its end")


async def _later(pieces: Iterable[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece

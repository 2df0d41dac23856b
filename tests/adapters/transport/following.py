"""The httptools transport, whose streams are asked for at once and followed before they are read, or read by it."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Self

from typing_extensions import override

from adapters.transport.failures import PROXY_AUTHENTICATION_REQUIRED
from adapters.transport.httptools.answers import HttptoolsResponseStream
from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.followed import HttptoolsFollowedStream
from adapters.transport.httptools.transport import HttptoolsTransport
from domain.errors import TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts
from ports.transport import AsyncResponseStream
from tests.adapters.transport.httptools_exchanges import GET, HEAD, PEER, TIMEOUTS, Wire, say


class HandedOverTransport(HttptoolsTransport):
    """Each stream is left by the one who follows it, as the fast path leaves what is unusual."""

    @override
    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> HttptoolsResponseStream:
        stream = self.ask_at_once(request, route=route, timeouts=timeouts)
        if stream is None:
            return await super().open_stream(request, route=route, timeouts=timeouts)
        stream.follow(_nothing)
        await stream.head()
        return stream


class FollowedTransport:
    """Each stream is read by its news, and left to iterating only where following does not lead on."""

    def __init__(self, *, proxy_url: str | None, tls: ssl.SSLContext) -> None:
        self._asked = HttptoolsTransport(proxy_url=proxy_url, tls=tls)
        self.send = self._asked.send
        self.ask_at_once = self._asked.ask_at_once
        self.aclose = self._asked.aclose

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> AsyncResponseStream:
        stream = self._asked.ask_at_once(request, route=route, timeouts=timeouts)
        if stream is None:
            return await self._asked.open_stream(request, route=route, timeouts=timeouts)
        read = NewsStream(stream)
        await read.head()
        return read


class NewsStream:
    """News turned into an iterator. What is coded, or has a limit for its next piece, is for those who iterate."""

    def __init__(self, stream: HttptoolsFollowedStream) -> None:
        self._stream = stream
        self._left = False

    @property
    def status(self) -> int:
        return self._stream.status

    @property
    def headers(self) -> Headers:
        return self._stream.headers

    async def head(self) -> None:
        stream = self._stream
        while not stream.begun():
            failure = stream.failure()
            if failure is not None:
                raise failure
            await self._news()
        if stream.coded or stream.status == PROXY_AUTHENTICATION_REQUIRED:
            self._left = True
            await stream.head()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        stream = self._stream
        while not self._left:
            piece = stream.taken()
            if piece:
                return piece
            if stream.going_on():
                await self._news()
            elif stream.over():
                raise StopAsyncIteration
            else:
                failure = stream.failure()
                assert failure is not None, "neither more, nor an end, nor a reason"
                raise failure
        return await anext(stream)

    def wait_at_most(self, limit: timedelta) -> None:
        self._left = True
        self._stream.wait_at_most(limit)

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        return False

    async def aclose(self) -> None:
        self._stream.close()

    async def _news(self) -> None:
        heard = asyncio.Event()
        self._stream.follow(heard.set)
        try:
            await heard.wait()
        except asyncio.CancelledError:
            self._stream.close()
            raise
        self._stream.unfollow()


class Follower:
    """Reads an answer by its news alone."""

    def __init__(self, stream: HttptoolsFollowedStream) -> None:
        self.stream = stream
        self.told = 0
        self.pieces: list[bytes] = []
        self.failure: TransportError | None = None
        self.over = False
        stream.follow(self.look)

    def look(self) -> None:
        self.told += 1
        stream = self.stream
        if not stream.begun():
            self.failure = stream.failure()
            return
        piece = stream.taken()
        if piece:
            self.pieces.append(piece)
        if not stream.going_on():
            self.over = stream.over()
            self.failure = stream.failure()

    def outcome(self) -> HttpResponse | TransportError:
        if self.failure is not None:
            return self.failure
        assert self.over, "an exchange hangs"
        return HttpResponse(status=self.stream.status, headers=self.stream.headers, body=b"".join(self.pieces))


def followed(wire: Wire, connection: Connection, *, request: HttpRequest = GET) -> Follower:
    """An exchange whose head is written before this returns."""
    stream = HttptoolsFollowedStream(
        connection, now=connection.loop.time, peer=PEER, timeouts=TIMEOUTS, release=wire.pool.give
    )
    assert stream.sent(HEAD, request)
    return Follower(stream)


async def outcome_followed(pieces: Iterable[bytes], *, cut: bool, method: str = "GET") -> HttpResponse | TransportError:
    """As `outcome_of`, read by following."""
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection, request=HttpRequest(method=method, url=GET.url))
    await say(wire, transport, pieces, cut=cut)
    return reader.outcome()


def _nothing() -> None: ...

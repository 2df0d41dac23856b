"""Exchanges over the connections of the httptools transport, without sockets: quick enough to be tried by thousands."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import cast

from adapters.transport.httptools.answers import HttptoolsResponseStream
from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.destinations import PoolKey
from adapters.transport.httptools.pool import Pool
from adapters.transport.peers import Peer
from domain.errors import TransportError
from domain.http import HttpRequest, HttpResponse, Timeouts
from tests.fakes.socket_transport import FakeLoop, FakeSocketTransport

KEY: PoolKey = ("http", "upstream.test", 80, False)
PEER = Peer(scheme="http", authority="upstream.test:80", proxy=None)
READ_S = 30.0
TIMEOUTS = Timeouts(connect=timedelta(seconds=1), read=timedelta(seconds=READ_S))
GET = HttpRequest(method="GET", url="http://upstream.test/")
HEAD = b"GET / HTTP/1.1\r\nHost: upstream.test\r\n\r\n"


class Wire:
    """A pool over fake sockets. To be made inside a running event loop."""

    def __init__(self, **options: float) -> None:
        self.loop = FakeLoop()
        self.pool = Pool(cast("asyncio.AbstractEventLoop", self.loop), **options)  # type: ignore[arg-type]

    def connect(self) -> tuple[Connection, FakeSocketTransport]:
        connection = self.pool.new(KEY)
        return connection, FakeSocketTransport(connection)

    def stream(self, connection: Connection, *, timeouts: Timeouts = TIMEOUTS) -> HttptoolsResponseStream:
        return HttptoolsResponseStream(
            connection, now=connection.loop.time, peer=PEER, timeouts=timeouts, release=self.pool.give
        )

    def ask(
        self, connection: Connection, *, request: HttpRequest = GET, timeouts: Timeouts = TIMEOUTS
    ) -> "asyncio.Task[HttpResponse]":
        """An exchange read to its end, whose head is written before this returns."""
        stream = self.stream(connection, timeouts=timeouts)

        async def exchange() -> HttpResponse:
            try:
                await stream.ask(HEAD, request)
                body = await stream.read_whole(1 << 24)
                return HttpResponse(status=stream.status, headers=stream.headers, body=body)
            finally:
                await stream.aclose()

        return asyncio.ensure_future(exchange())


async def turns(count: int = 3) -> None:
    """Let what is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def say(wire: Wire, transport: FakeSocketTransport, pieces: Iterable[bytes], *, cut: bool) -> None:
    """These bytes, and then silence for too long, or the end of the connection (`cut`)."""
    for piece in pieces:
        transport.arrive(piece)
        await turns(1)
    await turns()
    if cut:
        transport.end()
    else:
        wire.loop.advance(READ_S + 1)
    await turns()


async def outcome_of(pieces: Iterable[bytes], *, cut: bool, method: str = "GET") -> HttpResponse | TransportError:
    """What an exchange makes of these bytes, and of silence or the end of the connection (`cut`) after them."""
    wire = Wire()
    connection, transport = wire.connect()
    task = wire.ask(connection, request=HttpRequest(method=method, url=GET.url))
    await turns()
    await say(wire, transport, pieces, cut=cut)
    assert task.done(), "an exchange hangs"
    try:
        return task.result()
    except TransportError as error:
        return error

"""The httptools transport, whose streams are asked for at once and followed before they are read."""

from collections.abc import Iterable

from typing_extensions import override

from adapters.transport.httptools.answers import HttptoolsResponseStream
from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.followed import HttptoolsFollowedStream
from adapters.transport.httptools.transport import HttptoolsTransport
from domain.errors import TransportError
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
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

"""ports.transport.AsyncTransport over connections of our own."""

import asyncio
import ssl

from adapters.transport.failures import not_connected, refused_by_proxy
from adapters.transport.httptools.answers import HttptoolsResponseStream, UnsentError
from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.destinations import Destination, Destinations
from adapters.transport.httptools.dialling import Dialling
from adapters.transport.httptools.followed import CLOSED, HttptoolsFollowedStream, lost_at_once
from adapters.transport.httptools.pool import Pool
from adapters.transport.httptools.requests_bytes import HeadEncoder
from adapters.transport.httptools.tunnels import TunnelRefusedError
from adapters.transport.outgoing import SLICE_BYTES, user_agent
from adapters.transport.peers import ForwardProxy
from domain.http import HttpRequest, HttpResponse, Route, Timeouts


class HttptoolsTransport:
    """For one event loop, the one in which it is first used."""

    def __init__(self, *, proxy_url: str | None, tls: ssl.SSLContext) -> None:
        """Raises ConfigurationError for a `proxy_url` that is none."""
        proxy = None if proxy_url is None else ForwardProxy.parse(proxy_url)
        self._destinations = Destinations(proxy)
        self._tls = tls
        self._tls.set_alpn_protocols(["http/1.1"])
        self._heads = HeadEncoder(agent=user_agent())
        self._made: Pool | None = None

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        # Never over a kept-alive connection: when that turns out stale, nobody can tell whether the request was read.
        destination = self._destinations.find(request.url, route)
        head = self._heads.encode(request, destination, closing=True)
        connection = await self._dial(destination, timeouts)
        stream = await self._asked(connection, head, request, destination, timeouts, closing=True)
        if stream is None:
            raise lost_at_once(destination.peer)
        try:
            return HttpResponse(status=stream.status, headers=stream.headers, body=await stream.read_whole(max_bytes))
        finally:
            await stream.aclose()

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> HttptoolsResponseStream:
        destination = self._destinations.find(request.url, route)
        head = self._heads.encode(request, destination, closing=False)
        while (idle := self.pool.take(destination.key)) is not None:
            stream = await self._asked(idle, head, request, destination, timeouts, closing=False)
            if stream is not None:
                return stream
        connection = await self._dial(destination, timeouts)
        stream = await self._asked(connection, head, request, destination, timeouts, closing=False)
        if stream is None:
            raise lost_at_once(destination.peer)
        return stream

    def ask_at_once(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> HttptoolsFollowedStream | None:
        if len(request.body) > SLICE_BYTES:
            return None
        destination = self._destinations.find(request.url, route)
        head = self._heads.encode(request, destination, closing=False)
        pool = self.pool
        while (idle := pool.take(destination.key)) is not None:
            stream = self._followed(idle, destination, timeouts)
            if stream.sent(head, request):
                return stream
        stream = self._followed(None, destination, timeouts)
        stream.dial(self._dial(destination, timeouts), head, request)
        return stream

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()

    @property
    def pool(self) -> Pool:
        if self._made is None:
            self._made = Pool(asyncio.get_running_loop())
        return self._made

    def _followed(
        self, connection: Connection | None, destination: Destination, timeouts: Timeouts
    ) -> HttptoolsFollowedStream:
        pool = self.pool
        return HttptoolsFollowedStream(
            connection, now=pool.now, peer=destination.peer, timeouts=timeouts, release=pool.give
        )

    async def _dial(self, destination: Destination, timeouts: Timeouts) -> Connection:
        """A new connection. Raises NotConnectedError."""
        pool = self.pool
        dialling = Dialling(destination, self._tls, lambda: pool.new(destination.key))
        try:
            async with asyncio.timeout(timeouts.connect.total_seconds()):
                return await dialling.connection()
        except TunnelRefusedError as refusal:
            raise refused_by_proxy(destination.peer, refusal.status_line) from refusal
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            raise not_connected(
                destination.peer,
                error,
                tls_host=dialling.tls_host,
                otherwise=CLOSED,
                at_proxy=dialling.at_proxy,
                limit=timeouts.connect,
            ) from error

    async def _asked(
        self,
        connection: Connection,
        head: bytes,
        request: HttpRequest,
        destination: Destination,
        timeouts: Timeouts,
        *,
        closing: bool,
    ) -> HttptoolsResponseStream | None:
        """The answer, once its head has come; None when the request provably never left. Raises TransportError."""
        stream = HttptoolsResponseStream(
            connection,
            now=self.pool.now,
            peer=destination.peer,
            timeouts=timeouts,
            release=Connection.abort if closing else self.pool.give,
        )
        try:
            await stream.ask(head, request)
        except UnsentError:
            return None
        return stream

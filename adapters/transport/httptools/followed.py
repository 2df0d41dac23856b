"""An answer that is followed by the event loop's own callbacks, without a task that waits for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from typing_extensions import override

from adapters.transport.failures import not_connected
from adapters.transport.httptools.answers import HttptoolsResponseStream
from adapters.transport.httptools.arrivals import BODY, HEAD, LOST, WHOLE
from adapters.transport.httptools.connection import Connection
from adapters.transport.peers import Peer
from domain.errors import TransportError
from domain.http import HttpRequest

CLOSED = "the connection was closed while it was being set up"


class HttptoolsFollowedStream(HttptoolsResponseStream):
    """ports.transport.FollowedStream over a connection."""

    __slots__ = ("_dialling", "_listened", "_news")

    def __init__(self, connection: Connection | None, **more: Any) -> None:
        super().__init__(connection, **more)
        self._listened = False
        self._dialling: asyncio.Task[None] | None = None
        self._news: Callable[[], None] | None = None

    def dial(self, connecting: Coroutine[Any, Any, Connection], head: bytes, request: HttpRequest) -> None:
        """Ask as soon as there is a connection."""
        self._dialling = asking = asyncio.get_running_loop().create_task(self._ask_over(connecting, head, request))
        # Cancelled before its first turn, a task awaits nothing of what it was given.
        asking.add_done_callback(lambda _: connecting.close())

    async def _ask_over(self, connecting: Coroutine[Any, Any, Connection], head: bytes, request: HttpRequest) -> None:
        try:
            self._connection = await connecting
            news, self._dialling = self._news, None
            if not self.sent(head, request):
                self._failure = lost_at_once(self._peer)
                self._news = news  # it was not the follower who left
        except TransportError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - a defect; but nobody may wait for ever
            self._failure = _not_set_up(self._peer, error)
        self._dialling = None
        if self._news is not None:
            self.follow(self._news)
            self._news()

    @property
    def coded(self) -> bool:
        return self._decoder is not None

    @property
    def unread(self) -> int:
        return 0 if self._connection is None else self._connection.unread_bytes

    def follow(self, news: Callable[[], None]) -> None:
        self._news = news
        if self._connection is not None:
            self._listened = True
            self._connection.follow(news, self._until, self._too_late)

    def unfollow(self) -> None:
        self._news = None
        if self._connection is not None:
            self._connection.unfollow()

    def begun(self) -> bool:
        if self.status:
            return True
        connection = self._connection
        if connection is None or not connection.answered:
            return False
        self._read_head(connection)
        return True

    def whole(self) -> bytes | None:
        connection = self._connection
        if connection is None or connection.phase is not WHOLE:
            return None
        pieces = connection.pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def taken(self) -> bytes:
        connection = self._connection
        return connection.taken() if connection is not None and connection.pieces else b""

    def going_on(self) -> bool:
        connection = self._connection
        return connection is not None and connection.phase is BODY

    def over(self) -> bool:
        connection = self._connection
        if connection is not None and connection.phase is WHOLE and not connection.pieces:
            self._end(connection)
        return self._ended

    def failure(self) -> TransportError | None:
        if self._failure is None and not self._ended:
            connection = self._connection
            if connection is None:
                return self._left() if self._dialling is None else None
            if connection.phase is LOST and not connection.pieces:
                return self._broken(connection)
        return self._failure

    def close(self) -> None:
        self._leave()

    @override
    async def head(self) -> None:
        self.unfollow()
        if self._dialling is not None:
            try:
                await asyncio.wait([self._dialling])
            except asyncio.CancelledError:
                self._leave()
                raise
        connection = self._connection
        if connection is not None and connection.phase is HEAD:
            # The silence so far counts, if anybody has listened to it.
            await self._wait(connection, connection.heard_at if self._listened else None)
        await super().head()

    @override
    def _end(self, connection: Connection) -> None:
        self._news = None
        super()._end(connection)

    @override
    def _leave(self) -> None:
        self._news = None
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        super()._leave()

    def _too_late(self) -> None:
        connection, news = self._connection, self._news
        if connection is None or connection.phase is WHOLE or connection.phase is LOST:
            return  # nothing more is to come, and what there is waits for its reader
        self._fail(self._late(connection.heard_at), TimeoutError())
        if news is not None:
            news()


def lost_at_once(peer: Peer) -> TransportError:
    """A new connection that took not one byte of a request."""
    return _not_set_up(peer, ConnectionResetError())


def _not_set_up(peer: Peer, error: Exception) -> TransportError:
    failure = not_connected(peer, error, tls_host=None, otherwise=CLOSED)
    failure.__cause__ = error
    return failure

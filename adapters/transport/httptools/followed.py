"""An answer that is followed by the event loop's own callbacks, without a task that waits for it."""

from collections.abc import Callable

from typing_extensions import override

from adapters.transport.httptools.answers import HttptoolsResponseStream
from adapters.transport.httptools.arrivals import HEAD, LOST, WHOLE
from domain.errors import TransportError


def _nobody() -> None: ...


class HttptoolsFollowedStream(HttptoolsResponseStream):
    """ports.transport.FollowedStream over a connection."""

    __slots__ = ("_news",)

    _news: Callable[[], None]

    @property
    def coded(self) -> bool:
        return self._decoder is not None

    @property
    def unread(self) -> int:
        return 0 if self._connection is None else self._connection.unread_bytes

    def follow(self, news: Callable[[], None]) -> None:
        self._news = news
        if self._connection is not None:
            self._connection.follow(self._tell, self._until)

    def unfollow(self) -> None:
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

    def over(self) -> bool:
        connection = self._connection
        if connection is not None and connection.phase is WHOLE and not connection.pieces:
            self._end(connection)
        return self._ended

    def failure(self) -> TransportError | None:
        if self._failure is None and not self._ended:
            connection = self._connection
            if connection is None:
                return self._left()
            if connection.phase is LOST and not connection.pieces:
                return self._broken(connection)
        return self._failure

    def close(self) -> None:
        self._leave()

    @override
    async def head(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.unfollow()
            if connection.phase is HEAD:
                # The silence so far counts.
                await self._wait(connection, connection.heard_at)
        await super().head()

    @override
    def _leave(self) -> None:
        self._news = _nobody
        super()._leave()

    def _tell(self, late: bool) -> None:  # noqa: FBT001 - a callback
        news = self._news
        if late and self._connection is not None:
            self._fail(self._late(self._connection.heard_at), TimeoutError())
        news()

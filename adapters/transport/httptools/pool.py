"""The connections of one transport: those that are idle, to be used again, and all that are open, to be closed."""

import asyncio
from collections.abc import Iterator

from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.destinations import PoolKey

IDLE_PER_KEY = 256
IDLE_S = 30.0  # firewalls forget idle connections without a word


class Pool:
    """Idle connections by where they lead, the last one used first: the others get the chance to grow old and go."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, idle_per_key: int = IDLE_PER_KEY, idle_s: float = IDLE_S
    ) -> None:
        self._loop = loop
        self.now = loop.time
        self._idle_per_key = idle_per_key
        self._idle_s = idle_s
        self._idle: dict[PoolKey, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def idle(self) -> Iterator[Connection]:
        return (connection for connections in self._idle.values() for connection in connections)

    def new(self, key: PoolKey) -> Connection:
        """A connection that is to be opened; it counts as open from now until it is lost or given up."""
        return Connection(self._loop, key=key, on_made=self._open.add, on_lost=self._forget)

    def take(self, key: PoolKey) -> Connection | None:
        """A connection on which nothing is left of an earlier exchange, and which its peer has not closed."""
        connections = self._idle.get(key)
        while connections:
            connection = connections.pop()
            if connection.is_fresh():
                return connection
            connection.abort()
        return None

    def give(self, connection: Connection) -> None:
        """The exchange of a connection is over, or has been left: keep it when it is clean, else close it."""
        if not connection.end_exchange(keep_s=self._idle_s):
            return
        connections = self._idle.setdefault(connection.key, [])
        connections.append(connection)
        if len(connections) > self._idle_per_key:
            connections.pop(0).abort()
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._idle_s, self._sweep)

    async def aclose(self) -> None:
        """Close all connections, those in use as well, and wait until their sockets are."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            self._gone = self._loop.create_future()
            await self._gone

    def _sweep(self) -> None:
        now = self._loop.time()
        for key, connections in tuple(self._idle.items()):
            for connection in tuple(connections):
                if connection.usable_until <= now:
                    connections.remove(connection)
                    connection.abort()
            if not connections:
                del self._idle[key]
        self._sweeping = self._loop.call_later(self._idle_s, self._sweep) if self._idle else None

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        connections = self._idle.get(connection.key)
        if connections is not None and connection in connections:
            connections.remove(connection)
        if self._gone is not None and not self._gone.done() and not self._open:
            self._gone.set_result(None)

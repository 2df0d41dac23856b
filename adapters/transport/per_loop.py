"""One asyncio transport for each event loop, so that a library's object may be used from any of them.

A connection belongs to the loop in which it was opened. Whoever calls `asyncio.run` several times, or runs loops in
several threads, has a pool in each of them, and it ends with its loop.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from weakref import WeakValueDictionary

from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from ports.transport import AsyncResponseStream, AsyncTransport

NEVER_S = timedelta(days=36500).total_seconds()


class PerLoopTransport:
    """ports.transport.AsyncTransport for any number of event loops and threads.

    `new_transport` makes one for the running loop at its first use there, and may be called by several threads at
    once. `asyncio.run`, `asyncio.Runner` and their like close it with the loop; with a loop that is closed without
    `shutdown_asyncgens()` it is left to the garbage collector.
    """

    def __init__(self, new_transport: Callable[[], AsyncTransport]) -> None:
        self._new_transport = new_transport
        # By the loop's id, which is its own for as long as the lease lives. No lock: each loop touches its own entry
        # only, and it runs in one thread.
        self._leases: WeakValueDictionary[int, _Lease] = WeakValueDictionary()

    @property
    def loops(self) -> int:
        """How many event loops have connections of this object."""
        return len(self._leases)

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        transport = await self._here()
        return await transport.send(request, route=route, timeouts=timeouts, max_bytes=max_bytes)

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> AsyncResponseStream:
        transport = await self._here()
        return await transport.open_stream(request, route=route, timeouts=timeouts)

    def ask_at_once(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> None:
        """Never: whoever needs that is served by HttptoolsTransport."""

    async def aclose(self) -> None:
        """Close the running loop's connections, and no other's. A later use opens new ones."""
        lease = self._leases.pop(id(asyncio.get_running_loop()), None)
        if lease is not None:
            await lease.end()

    async def _here(self) -> AsyncTransport:
        loop = asyncio.get_running_loop()
        lease = self._leases.get(id(loop))
        if lease is None or lease.ended:
            lease = _Lease(loop, self._new_transport())
            self._leases[id(loop)] = lease
            await lease.begin()
        return lease.transport


class _Lease:
    """A transport for as long as its loop lives.

    The loop itself is told of its end by an asynchronous generator: `shutdown_asyncgens()` closes those that are not
    finished, inside the loop. And the loop alone holds the lease, by a timer that never strikes: the connections hold
    the loop, so held from anywhere else it would keep a loop alive that was thrown away unclosed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: AsyncTransport) -> None:
        self.transport = transport
        self.ended = False
        self._until_the_end = self._closing()
        self._hold = loop.call_later(NEVER_S, self._never)

    async def begin(self) -> None:
        await anext(self._until_the_end)

    async def end(self) -> None:
        await self._until_the_end.aclose()

    async def _closing(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            self.ended = True
            self._hold.cancel()
            await self.transport.aclose()

    def _never(self) -> None:
        """Keeps the lease."""

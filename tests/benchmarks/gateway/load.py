"""A client that costs little: bare asyncio protocols that send prepared bytes and look only for where answers end."""

import asyncio
import socket
import time
from typing import cast

from typing_extensions import override

_END_OF_CHUNKS = b"0\r\n\r\n"
PATIENCE_S = 60.0


class FailedError(Exception):
    """An answer that is none: the connection broke, or the status is not 200."""


class Caller(asyncio.Protocol):
    """One keep-alive connection. `arrivals` are the times at which events of the last stream came."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._left: int | None = None
        self._head = b""
        self._tail = b""
        self.sent_at = 0.0
        self.arrivals: list[float] = []
        self.events = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was closed")

    @override
    def data_received(self, data: bytes) -> None:
        if self._left is None and not self._tail:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._head = b""
            if not head.startswith(b"HTTP/1.1 200"):
                self._fail(f"{head[:200]!r} {data[:300]!r}")
                return
            lower = head.lower()
            at = lower.find(b"content-length:")
            if at >= 0:
                self._left = int(lower[at + 15 :].partition(b"\r\n")[0])
            else:
                self._tail = b"\n"
        if self._left is not None:
            self._left -= len(data)
            if self._left <= 0:
                self._left = None
                self._done()
            return
        events = data.count(b"data: ")
        if events:
            self.events += events
            self.arrivals.append(time.perf_counter())
            if self._first is not None and not self._first.done():
                self._first.set_result(None)
        self._tail = (self._tail + data)[-len(_END_OF_CHUNKS) :]
        if self._tail == _END_OF_CHUNKS:
            self._tail = b""
            self._done()

    async def ask(self, request: bytes) -> float:
        """Send, await the whole answer, and return how long it took in seconds. Raises FailedError."""
        await self.begin(request)
        return await self.end()

    async def begin(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._answer, self._first = loop.create_future(), loop.create_future()
        self.arrivals, self.events = [], 0
        if self._transport is None or self._transport.is_closing():
            raise FailedError("the connection was closed between two requests")
        self.sent_at = time.perf_counter()
        self._transport.write(request)

    async def first(self) -> float:
        """Seconds from the request to the first event."""
        if self._first is None:
            raise FailedError("nothing was asked")
        await asyncio.wait_for(self._first, PATIENCE_S)
        return self.arrivals[0] - self.sent_at

    async def end(self) -> float:
        if self._answer is None:
            raise FailedError("nothing was asked")
        await asyncio.wait_for(self._answer, PATIENCE_S)
        return time.perf_counter() - self.sent_at

    def close(self) -> None:
        self._answer = self._first = None
        if self._transport is not None:
            self._transport.abort()

    def _done(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

    def _fail(self, why: str) -> None:
        for each in (self._answer, self._first):
            if each is not None and not each.done():
                each.set_exception(FailedError(why))
                each.exception()


async def callers(port: int, count: int) -> list[Caller]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Caller, "127.0.0.1", port))[1] for _ in range(count)]


async def hammer(port: int, request: bytes, *, requests: int, connections: int) -> list[float]:
    """Ask so often over so many connections, each with one request at a time; the seconds that each took."""
    there = await callers(port, connections)
    took: list[float] = []

    async def work(caller: Caller, share: int) -> None:
        took.extend([await caller.ask(request) for _ in range(share)])

    await asyncio.gather(*(work(caller, requests // connections) for caller in there))
    for caller in there:
        caller.close()
    return took

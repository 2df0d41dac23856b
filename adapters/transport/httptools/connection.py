"""One HTTP/1.1 connection, as the event loop knows it."""

import asyncio
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from adapters.transport.httptools.arrivals import BODY, HEAD, IDLE, LOST, WHOLE, Arrivals
from adapters.transport.httptools.destinations import PoolKey
from adapters.transport.httptools.readable import Readable
from adapters.transport.httptools.timer import Timer

MUCH_BYTES = 256 * 1024  # so much unread, and the peer has to wait
LITTLE_BYTES = 64 * 1024
CLOCK_S = 0.002  # uvloop counts in milliseconds


class Connection(Arrivals, asyncio.Protocol):
    """It carries one exchange at a time. `on_made` is called when it stands, `on_lost` when it ends, whoever ended it.

    While it is `congested`, the peer is behind with reading the request. What comes of a body goes to `sink`, while
    there is one, in the event loop's own callback; a sink that answers False gets nothing more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        key: PoolKey,
        on_made: "Callable[[Connection], None]",
        on_lost: "Callable[[Connection], None]",
    ) -> None:
        super().__init__()
        self.key = key
        self.loop = loop
        self.congested = False
        self.sink: Callable[[bytes], bool] | None = None
        self.usable_until = 0.0
        self.heard_at = 0.0
        self._on_made = on_made
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._readable: Readable | None = None
        self._timer = Timer(loop, self._time_passed)
        self._waiter: asyncio.Future[None] | None = None
        self._waits_in = IDLE
        self._follower: Callable[[], None] | None = None
        self._too_late: Callable[[], None] | None = None
        self._limit: Callable[[float], float] | None = None
        self._paused = False

    # What the exchange asks for.

    def write(self, *data: bytes | memoryview) -> bool:
        """Hand bytes to the socket. False when it provably took none of them, because the connection is gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if len(data) == 1:
            transport.write(data[0])
        else:
            transport.writelines(data)
        # asyncio tries at once, and closes when the socket refuses. uvloop does so later; then nothing can be told.
        return not transport.is_closing()

    def news(self, limit: Callable[[float], float], heard_at: float | None = None) -> "asyncio.Future[None]":
        """To be awaited: there is more of the answer, it has ended, or there is room to write again.

        `limit` tells the end of the wait from when the connection was last heard of: now, or earlier. Then it raises
        TimeoutError.
        """
        self._waiter = waiter = self.loop.create_future()
        self._waits_in = self.phase
        self._limit = limit
        self.heard_at = since = self.loop.time() if heard_at is None else heard_at
        self._timer.strike_by(limit(since))
        return waiter

    def follow(self, news: Callable[[], None], limit: Callable[[float], float], too_late: Callable[[], None]) -> None:
        """In place of a wait: have `news` called with whatever comes, and `too_late` when the limit has passed."""
        self._follower = news
        self._too_late = too_late
        self._limit = limit
        self.heard_at = now = self.loop.time()
        self._timer.strike_by(limit(now))

    def unfollow(self) -> None:
        if self._follower is not None:
            self._follower = self._too_late = self._limit = None

    def pours(self) -> bool:
        """Whether there is a sink that wants more."""
        return self.sink is not None

    def taken(self) -> bytes:
        """All that has come and was not taken yet, as one."""
        pieces = self.pieces
        piece = pieces.popleft() if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.took(self.unread_bytes)
        return piece

    def took(self, count: int) -> None:
        """So many bytes have been taken out of `pieces`."""
        self.unread_bytes -= count
        if self._paused and self.unread_bytes <= LITTLE_BYTES:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    def end_exchange(self, *, keep_s: float) -> bool:
        """Whether the connection is clean, and may carry another exchange within `keep_s`. Else it is closed."""
        self.unfollow()
        transport = self._transport
        if (
            self.phase is not WHOLE
            or not self.keep
            or transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.abort()
            return False
        if self._paused:
            self.took(self.unread_bytes)
        self.phase = IDLE
        self.usable_until = self.loop.time() + (keep_s if self.keep_s is None else min(keep_s, self.keep_s))
        return True

    def is_fresh(self) -> bool:
        """Whether the connection may be used again: in time, open, and with nothing that waits to be read.

        A peer that has closed it, or speaks unasked, makes the socket readable before the event loop says so.
        """
        return (
            self.phase is IDLE
            and self._transport is not None
            and not self._transport.is_closing()
            and self.loop.time() < self.usable_until
            and not (self._readable is not None and self._readable.now())
        )

    def abort(self) -> None:
        """Close at once, without a farewell: TLS would wait for the peer's."""
        if self.phase is not WHOLE:
            self.phase = LOST
        self.keep = False
        self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    # What the event loop tells.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._readable = Readable.of(transport)
        self._on_made(self)

    @override
    def data_received(self, data: bytes) -> None:
        if self.phase is not BODY and self.phase is not HEAD:
            self.abort()  # an answer that nobody asked for
            return
        alive = self.feed(data)
        if self.sink is not None and self.pieces:
            self._pour(self.sink)
        if not alive:
            self.abort()
        elif self.unread_bytes > MUCH_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._waiter is not None:
            if self.pieces or self.phase is not self._waits_in:
                self._wake()
            else:
                self.heard_at = self.loop.time()
        else:
            self.heard_at = self.loop.time()
            if self._follower is not None:
                self._follower()

    def _pour(self, sink: Callable[[bytes], bool]) -> None:
        piece = self.taken()
        try:
            if sink(piece):
                return
        except Exception as error:  # noqa: BLE001 - the exchange raises it where its reader waits
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(error)
        self.sink = None
        self._wake()

    @override
    def eof_received(self) -> None:
        self.end(None)
        self.abort()  # though there may be bytes left that the peer will never read

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.end(exc)
        self._transport = None
        self._readable = None
        self._timer.cancel()
        self._wake()
        self._on_lost(self)

    @override
    def pause_writing(self) -> None:
        self.congested = True

    @override
    def resume_writing(self) -> None:
        self.congested = False
        self._wake()

    def _time_passed(self) -> None:
        waiter, too_late = self._waiter, self._too_late
        if self._limit is None or (too_late is None and (waiter is None or waiter.done())):
            return
        until = self._limit(self.heard_at)
        if until - self.loop.time() > CLOCK_S:
            self._timer.strike_by(until)
        elif too_late is not None:
            too_late()
        elif waiter is not None:
            waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = self._limit = None
            if not waiter.done():
                waiter.set_result(None)
        elif self._follower is not None:
            self._follower()

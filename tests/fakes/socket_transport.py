"""The event loop's side of a connection without a network: a transport for one asyncio.Protocol, and a moved clock.

    loop = FakeLoop()
    transport = FakeSocketTransport(protocol)
    transport.arrive(b"HTTP/1.1 200 OK\\r\\n", b"\\r\\n")
    loop.advance(30)

Both need a running event loop: futures are its own, and a connection is lost a turn after it was aborted, as there.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from typing_extensions import override


class FakeTimer:
    def __init__(self, when: float, strike: Callable[..., object]) -> None:
        self.when = when
        self.strike = strike
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """What a connection asks of an event loop. `now` stands still until `advance`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[FakeTimer] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, strike: Callable[..., object]) -> FakeTimer:
        timer = FakeTimer(when, strike)
        self.timers.append(timer)
        return timer

    def call_later(self, delay_s: float, strike: Callable[..., object]) -> FakeTimer:
        return self.call_at(self.now + delay_s, strike)

    def advance(self, seconds: float) -> None:
        """Move the clock, and call what is due on the way, each at its time."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.strike()
        self.now = end


class FakeSocketTransport(asyncio.Transport):
    """`written` is what the protocol sent, `reading` whether it lets the peer send. A `deaf` peer takes nothing.

    With `refuses` the next write finds the connection gone. `sock` is what stands behind the connection for those who
    ask the kernel.
    """

    def __init__(self, protocol: asyncio.Protocol, *, sock: socket.socket | None = None) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False
        self.reading = True
        self.refuses = False
        self.deaf = False
        self._protocol = protocol
        self._sock = sock
        self._waiting: deque[bytes] = deque()
        protocol.connection_made(self)

    def arrive(self, *pieces: bytes) -> None:
        """Bytes come in, each piece at a time; they wait while the protocol does not read."""
        self._waiting.extend(pieces)
        self._deliver()

    def end(self) -> None:
        """The peer closes in good order."""
        if not self.closed and not self._protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None = None) -> None:
        """The connection is gone."""
        if not self.closed:
            self.closed = True
            self._protocol.connection_lost(error)

    def take_all(self) -> None:
        """A deaf peer has read what was sent."""
        self.deaf = False
        self._protocol.resume_writing()

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._sock if name == "socket" else default

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.refuses:
            self.abort()
        elif not self.closed:  # asyncio drops what comes after
            self.written += data
            if self.deaf:
                self._protocol.pause_writing()

    @override
    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    @override
    def get_write_buffer_size(self) -> int:
        return len(self.written) if self.deaf else 0

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True
        asyncio.get_running_loop().call_soon(self._deliver)

    @override
    def close(self) -> None:
        self.abort()

    @override
    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def _deliver(self) -> None:
        while self._waiting and self.reading and not self.closed:
            self._protocol.data_received(self._waiting.popleft())

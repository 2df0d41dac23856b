"""Whether something waits to be read on a socket, asked of the kernel: the event loop would tell a turn later."""

import asyncio
import select
import socket
from typing import Self


class Readable:
    """Data, an orderly end and an error all count."""

    __slots__ = ("_poll", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll: select.poll | None = None
        if hasattr(select, "poll"):  # Windows has select alone, which takes no high file numbers elsewhere
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN)

    @classmethod
    def of(cls, transport: asyncio.BaseTransport) -> Self | None:
        sock: socket.socket | None = transport.get_extra_info("socket")
        return None if sock is None else cls(sock)

    def now(self) -> bool:
        if self._poll is not None:
            return bool(self._poll.poll(0))
        return bool(select.select([self._sock.fileno()], [], [], 0)[0])

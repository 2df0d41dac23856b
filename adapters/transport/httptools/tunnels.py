"""A tunnel through a proxy: CONNECT, and its answer (RFC 9110 section 9.3.6)."""

import asyncio
import re
from typing import cast

from typing_extensions import override

from adapters.transport.httptools.destinations import Destination

MAX_ANSWER_BYTES = 64 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([^\r\n]*))?\r\n")


class TunnelRefusedError(Exception):
    """The proxy answered, and did not open the tunnel. `status_line` is for example `403 Forbidden`."""

    def __init__(self, status_line: str) -> None:
        super().__init__()
        self.status_line = status_line


class Tunnel(asyncio.Protocol):
    """The connection to a proxy until its tunnel is open. `transport` is what TLS with the origin is begun over."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer = bytearray()
        self._answered: asyncio.Future[str] | None = None
        self._lost: Exception | None = None

    async def open(self, destination: Destination) -> asyncio.Transport:
        """Raises TunnelRefusedError; OSError when the connection ends or what comes is no answer to CONNECT."""
        if self.transport is None:
            raise self._lost or ConnectionResetError
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(_request(destination))
        status_line = await self._answered
        if not status_line.startswith("2"):
            raise TunnelRefusedError(status_line)
        return self.transport

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        while (end := self._answer.find(b"\r\n\r\n")) >= 0:
            line = _STATUS_LINE.match(self._answer)
            if line is None:
                self._fail(ConnectionAbortedError())
                return
            status, reason = line[1].decode(), (line[2] or b"").decode("latin-1")
            del self._answer[: end + 4]
            if status.startswith("1"):
                continue
            # The origin says nothing before the handshake: more bytes than this are none of its own.
            if self._answer and status.startswith("2"):
                self._fail(ConnectionAbortedError())
            elif self._answered is not None and not self._answered.done():
                self._answered.set_result(f"{status} {reason}".strip())
            return
        if len(self._answer) > MAX_ANSWER_BYTES:
            self._fail(ConnectionAbortedError())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._fail(exc or ConnectionResetError())

    def _fail(self, error: Exception) -> None:
        self._lost = error
        self.abort()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)


def _request(destination: Destination) -> bytes:
    origin = destination.origin
    authority = f"{f'[{origin.host}]' if ':' in origin.host else origin.host}:{origin.port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if destination.proxy_authorization is not None:
        lines.append(f"Proxy-Authorization: {destination.proxy_authorization}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")

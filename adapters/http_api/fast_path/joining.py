"""uvicorn's HTTP protocol, with fewer calls of the operating system."""

import asyncio
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "


class JoiningProtocol(HttpToolsProtocol):
    """Sends the head of an answer together with the first of its body.

    uvicorn writes them one after the other, and each write is a call of the operating system, a packet, and a wakening
    of whoever reads it: a good part of what a small answer costs.
    """

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(_Joining(transport, self.loop))


class _Joining(asyncio.Transport):
    """What uvicorn needs of a transport; keeps a head back for one round of the event loop at most."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    @override
    def write(self, data: Any) -> None:
        if self._head is not None:
            data = self._head + data
            self._head = None
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    @override
    def close(self) -> None:
        self._flush()
        self._transport.close()

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def pause_reading(self) -> None:
        self._transport.pause_reading()

    @override
    def resume_reading(self) -> None:
        self._transport.resume_reading()

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)

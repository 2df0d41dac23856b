"""A model's server and its authorization server in one: a bare asyncio protocol that plays back prepared bytes."""

import asyncio
import socket
from typing import cast

import uvloop
from typing_extensions import override

from tests.benchmarks.gateway.wire import (
    STREAM_HEAD,
    TOKEN,
    TOKEN_PATH,
    event,
    json_answer,
    last_events,
    whole_answer,
    wish_in,
)

_EVENTS = 64


class UpstreamProtocol(asyncio.Protocol):
    """One connection. Requests have a Content-Length, or no body."""

    def __init__(self, token_lifetime_s: float) -> None:
        self._lifetime = token_lifetime_s
        self._buffer = bytearray()
        self._gone = False
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            at = head.find(b"\r\ncontent-length:")
            length = 0 if at < 0 else int(head[at + 17 :].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if TOKEN_PATH in head[: head.find(b"\r\n")]:
            grant = {"token_type": "Bearer", "expires_in": self._lifetime, "access_token": TOKEN, "refresh_token": "r"}
            self._write(json_answer(grant))
            return
        wish = wish_in(body)
        if not wish.chunks:
            self._write(whole_answer())
            return
        self._write(STREAM_HEAD)
        loop = asyncio.get_running_loop()
        self._next(loop, 0, wish.chunks, wish.interval_ms / 1000, loop.time(), silent=wish.then_silent)

    def _next(
        self, loop: asyncio.AbstractEventLoop, at: int, chunks: int, interval: float, due: float, *, silent: bool
    ) -> None:
        if self._gone:
            return
        if at == chunks:
            if not silent:
                self._write(last_events())
            return
        self._write(event(at % _EVENTS))
        if interval:
            # From the beginning and not from the last one, so that the pace holds.
            due += interval
            loop.call_at(due, lambda: self._next(loop, at + 1, chunks, interval, due, silent=silent))
        else:
            loop.call_soon(lambda: self._next(loop, at + 1, chunks, interval, due, silent=silent))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def serve(listener: socket.socket, token_lifetime_s: float) -> None:
    """Serve until killed."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: UpstreamProtocol(token_lifetime_s), sock=listener)
        await loop.create_future()

    uvloop.run(run())

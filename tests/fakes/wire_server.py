"""A TCP server for tests that says exactly what it is told, byte for byte: the upstream at its worst.

    def cut_short(connection: WireConnection, request: WireRequest) -> None:
        connection.send(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhel")
        connection.close()

    with WireServer(cut_short) as server:
        ...  # talk to server.url
        assert server.requests[0].target == "/v1/models"

A behaviour is a plain function, run in a thread for each request; it may block, best in `connection.pause()`, which
ends when the client goes away or the server stops. The sockets live on an event loop in a thread of their own, so the
server notices at once when a client closes (`server.closed`, `connection.closed`), whatever the behaviour is doing.
What a behaviour raises by mistake is raised again when the `with` block ends; writing to a client that has gone is no
mistake.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from domain.http import Headers, find_header
from tests.fakes.loop_thread import LoopThread

MAX_HEAD_BYTES = 1024 * 1024
BOUND_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """A request as it arrived. `connection` counts the server's connections from 0: equal numbers, the same socket."""

    method: str
    target: str
    headers: Headers
    body: bytes = field(repr=False)
    connection: int

    def header(self, name: str) -> str | None:
        return find_header(self.headers, name)


class WireConnection:
    """One client's connection, as a behaviour sees it. `closed` is set when the client is gone or the server stops."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.closed = threading.Event()
        self.ended_here = False
        self._loop = loop
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Write these bytes now. Raises ConnectionError when the client is gone."""
        self._run(self._send(data))

    def reply(self, body: bytes = b"", *, status: int = 200, headers: Headers = ()) -> None:
        """A complete, well-formed answer; the connection is kept."""
        self.send(_head(status, (*headers, ("Content-Length", str(len(body))))) + body)

    def begin_chunked(self, *, status: int = 200, headers: Headers = ()) -> None:
        self.send(_head(status, (*headers, ("Transfer-Encoding", "chunked"))))

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end_chunked(self) -> None:
        self.send(b"0\r\n\r\n")

    def pause(self, seconds: float = BOUND_S) -> None:
        """Stay silent: for so long, or until the client goes away or the server stops."""
        self.closed.wait(seconds)

    def stop_reading(self) -> None:
        """Leave what the client sends in the kernel's buffers, which fill up."""
        self._loop.call_soon_threadsafe(cast("asyncio.Transport", self._writer.transport).pause_reading)

    def resume_reading(self) -> None:
        self._loop.call_soon_threadsafe(cast("asyncio.Transport", self._writer.transport).resume_reading)

    def close(self) -> None:
        """An orderly end (FIN), once everything has been sent."""
        self._run(self.end(reset=False))

    def reset(self) -> None:
        """A hard end (RST): what was sent before may be lost as well."""
        self._run(self.end(reset=True))

    def stop(self) -> None:
        """The server stops: no farewell, since a TLS client that keeps its connection idle would not answer it."""
        self.ended_here = True
        abort(self._writer)
        self.closed.set()

    async def _send(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    async def end(self, *, reset: bool) -> None:
        """As `close` and `reset`, on the server's own loop."""
        self.ended_here = True
        if reset:
            sock: socket.socket = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(BOUND_S)


Behaviour = Callable[[WireConnection, WireRequest], None]
OnConnect = Callable[[WireConnection], None]


def ok(connection: WireConnection, request: WireRequest) -> None:
    """The behaviour of a server that is well."""
    connection.reply(b"ok")


class WireServer:
    """A context manager that listens on a free loopback port.

    `on_connect` runs before anything is read, instead of a behaviour when it ends the connection: for a server that
    resets at once, or says nothing at all to a TLS handshake. With `tls` the server speaks TLS.
    """

    def __init__(
        self,
        behaviour: Behaviour = ok,
        *,
        tls: ssl.SSLContext | None = None,
        on_connect: OnConnect | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[WireRequest] = []
        self.connections: list[WireConnection] = []
        self.closed = threading.Event()
        self.port = 0
        self.host = host
        self._behaviour = behaviour
        self._tls = tls
        self._on_connect = on_connect
        self._arrived = threading.Condition()
        self._mistakes: list[BaseException] = []
        self._loop = LoopThread()
        self._threads = ThreadPoolExecutor(max_workers=256, thread_name_prefix="wire-behaviour")

    @property
    def authority(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://{self.authority}"

    def wait_for_requests(self, count: int, timeout_s: float = BOUND_S) -> None:
        """Return once so many requests have arrived, whole. Raises AssertionError when they do not."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s), (
                f"{len(self.requests)} of {count} requests arrived"
            )

    def __enter__(self) -> Self:
        self._loop.start()
        self.port = self._loop.run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run(self._stop())
        self._threads.shutdown()
        self._loop.stop()
        if error is None and self._mistakes:
            raise self._mistakes[0]

    async def _listen(self) -> int:
        asyncio.get_running_loop().set_exception_handler(_ignore)  # failed TLS handshakes are part of the game
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._accept, self.host, 0, ssl=self._tls, limit=MAX_HEAD_BYTES, backlog=256
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._server.close()
        for connection in self.connections:
            connection.stop()
        _, late = await asyncio.wait(self._tasks, timeout=BOUND_S) if self._tasks else ((), ())
        for task in late:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = WireConnection(len(self.connections), asyncio.get_running_loop(), writer)
        self.connections.append(connection)
        behaving: asyncio.Future[None] | None = None
        try:
            if self._on_connect is not None:
                behaving = self._in_thread(self._on_connect, connection)
            while (request := await read_request(reader, connection.number)) is not None:
                with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                if behaving is not None:
                    await behaving
                behaving = self._in_thread(self._behaviour, connection, request)
        finally:
            if not connection.ended_here:
                self.closed.set()
            connection.closed.set()
            if behaving is not None:
                await behaving
            writer.close()
            self._tasks.discard(task)

    def _in_thread(self, behave: Callable[..., None], *args: object) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._threads, self._guarded, behave, *args)

    def _guarded(self, behave: Callable[..., None], *args: object) -> None:
        try:
            behave(*args)
        except ConnectionError:
            pass  # the client is gone
        except BaseException as mistake:  # noqa: BLE001 - shown when the test ends
            self._mistakes.append(mistake)


async def read_request(reader: asyncio.StreamReader, number: int) -> WireRequest | None:
    """The next request of a connection, body included; None when the client has closed it or speaks no HTTP."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
        return None
    return WireRequest(method=method, target=target, headers=headers, body=body, connection=number)


async def _read_body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    if (find_header(headers, "Transfer-Encoding") or "").lower() != "chunked":
        return await reader.readexactly(int(find_header(headers, "Content-Length") or 0))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _head(status: int, headers: Headers) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    pass


def abort(writer: asyncio.StreamWriter) -> None:
    """Close at once, whatever state the connection is in."""
    # Python 3.11.2 (Debian 12) fails here for a TLS connection that is lost already.
    with suppress(AttributeError):
        writer.transport.abort()

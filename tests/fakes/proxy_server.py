"""A small forward proxy for tests: CONNECT tunnels, absolute-form requests, Basic credentials, refusals.

    with ProxyServer(credentials="user:pass") as proxy:
        transport = RequestsTransport(proxy_url=f"http://user:pass@{proxy.authority}", tls=tls)

`requests` holds what the proxy was asked, in order. What it forwards has neither its credentials nor
the absolute form.
"""

import asyncio
import ssl
from base64 import b64encode
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.fakes.loop_thread import LoopThread
from tests.fakes.wire_server import WireRequest, abort, read_request

HOP_BY_HOP = frozenset({"proxy-authorization", "proxy-connection", "connection"})


class ProxyServer:
    """A context manager. `refusal` is a status line such as `403 Forbidden`, given in answer to every request.

    `hang_up` closes the connection once a request has come, without an answer. With `tls` it is an https:// proxy.
    """

    def __init__(
        self,
        *,
        credentials: str | None = None,
        refusal: str | None = None,
        hang_up: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[WireRequest] = []
        self.authority = ""
        self._authorization = None if credentials is None else f"Basic {b64encode(credentials.encode()).decode()}"
        self._refusal = refusal
        self._hang_up = hang_up
        self._tls = tls
        self._loop = LoopThread()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://{self.authority}"

    def __enter__(self) -> Self:
        self._loop.start()
        self._loop.run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run(self._stop())
        self._loop.stop()

    async def _listen(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, limit=1024 * 1024)
        self.authority = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            request = await read_request(reader, len(self.requests))
            if request is None:
                return
            self.requests.append(request)
            if self._hang_up:
                return
            refusal = self._refusal
            if self._authorization is not None and request.header("Proxy-Authorization") != self._authorization:
                refusal = "407 Proxy Authentication Required"
            if refusal is not None:
                writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return
            await self._connect(request, reader, writer)
        finally:
            writer.close()

    async def _connect(self, request: WireRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = request.method == "CONNECT"
        parts = urlsplit(f"//{request.target}" if tunnel else request.target)
        try:
            origin_reader, origin_writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        self._writers.add(origin_writer)
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            lines = [f"{request.method} {target} HTTP/1.1", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in HOP_BY_HOP]
            origin_writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
        await asyncio.gather(_pump(reader, origin_writer), _pump(origin_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either end is gone, and hand the end on."""
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

"""What ends TLS in front of a plain server: https://localhost, by a CA that nobody knows."""

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.fakes.loop_thread import LoopThread
from tests.fakes.wire_server import abort


class TlsFront:
    """Carries bytes to `port` of this machine; a context manager. `ca_file` is written into `folder`."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        ca = trustme.CA()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(self._tls)  # pyright: ignore[reportUnknownMemberType] # untyped there
        self.ca_file = folder / "ca.pem"
        ca.cert_pem.write_to_path(self.ca_file)
        self._loop = LoopThread()
        self._writers: set[asyncio.StreamWriter] = set()
        self.host = ""

    @property
    def url(self) -> str:
        return f"https://{self.host}"

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
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.host = f"localhost:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, inner_writer}
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

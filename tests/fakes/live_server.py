"""An ASGI application behind a real socket, for as long as a `with` lasts."""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn

from adapters.http_api.fast_path.protocol import FastPathProtocol


class LiveServer:
    """uvicorn in a thread, as `oca serve` runs it, on a free port of 127.0.0.1."""

    def __init__(self, app: Any, *, grace_s: int = 5) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1024)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            http=FastPathProtocol,
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=grace_s,
            server_header=False,
            proxy_headers=False,
        )
        self._started = threading.Event()
        self._server = _Announcing(config, self._started)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), "the server did not start"
        return self

    def begin_shutdown(self) -> None:
        self._server.should_exit = True

    def join(self) -> None:
        self._thread.join(15)
        assert not self._thread.is_alive(), "the server did not stop"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.begin_shutdown()
        self.join()


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announced: threading.Event) -> None:
        super().__init__(config)
        self._announced = announced

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self._announced.set()

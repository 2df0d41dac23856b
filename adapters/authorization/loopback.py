"""The loopback address that a server sends the browser back to (RFC 8252 section 7.3)."""

import queue
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

from adapters.authorization.pages import ANSWERED, DECLINED, HEADERS, NOT_FOUND, STRANGER, Page
from domain.authorization import Callback, CodeGranted
from domain.errors import ListenError
from domain.words import Text

_ADDRESS = "127.0.0.1"
# Browsers open connections in advance and say nothing on them.
_SILENCE_S = 10.0

Judge = Callable[[str], Callback | None]
"""What the query of a callback means; None for one that is not meant for us."""


class LoopbackListener:
    """Listens on 127.0.0.1 alone until an answer has come; a context manager.

    Strangers (an answer that `judge` does not know, another path) get a page that says so, and the wait goes on.
    """

    def __init__(self, *, ports: Sequence[int], path: str, hosts: Sequence[str] = (_ADDRESS,)) -> None:
        """Take the first port that is free; 0 is any. Raises ListenError."""
        self._judge: Judge = _nobody
        self._answers: queue.SimpleQueue[Callback] = queue.SimpleQueue()
        self._server, host = self._bound(ports, path, hosts)
        self.redirect_uri = f"http://{host}:{self._server.server_address[1]}{path}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="oca-login-callback", daemon=True
        )

    def expect(self, judge: Judge) -> None:
        """Know an answer from a stranger; before anybody learns of the address, since a browser is quick."""
        self._judge = judge

    def await_answer(self, *, limit: timedelta) -> Callback | None:
        """The first answer that is meant for us; None when none has come in time."""
        try:
            return self._answers.get(timeout=limit.total_seconds())
        except queue.Empty:
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: str) -> Page:
        """The page for a callback with this query, which is noted down if it is meant for us."""
        callback = self._judge(query)
        if callback is None:
            return STRANGER
        self._answers.put(callback)
        return ANSWERED if isinstance(callback, CodeGranted) else DECLINED

    def _bound(self, ports: Sequence[int], path: str, hosts: Sequence[str]) -> "tuple[_Server, str]":
        failure: OSError | None = None
        for host in hosts:
            for port in ports:
                try:
                    return _Server((_ADDRESS, port), _handler_for(self, path)), host
                except OSError as error:
                    failure = error
        told = ", ".join(str(port) for port in ports)
        raise ListenError(
            Text(
                f"The browser's answer cannot be listened for: none of the ports {told} of {_ADDRESS} is free. End "
                "what holds one of them, name others in OAUTH_REDIRECT_PORTS (the server must allow them), or log in "
                "with: oca login --device",
                f"无法监听浏览器的回应：{_ADDRESS} 的端口 {told} 均被占用。请结束占用其中某个端口的程序，"
                "或在 OAUTH_REDIRECT_PORTS 中指定其他端口（须为服务器所允许），或改用：oca login --device",
            )
        ) from failure


def free_port() -> int:
    """A port that nothing listens on right now."""
    with socket.create_server((_ADDRESS, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    @override
    def server_bind(self) -> None:
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # As the parent of HTTPServer has it, which asks DNS for a name that nobody needs.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _ADDRESS, self.server_address[1]

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that goes away is no news."""


def _handler_for(listener: LoopbackListener, path: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENCE_S

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            page = listener.answer(parts.query) if parts.path == path else NOT_FOUND
            body = page.html()
            self.send_response_only(page.status)
            for name, value in HEADERS:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the address that is asked for holds the code."""

    return Handler


def _nobody(_query: str) -> Callback | None:
    return None

"""The server's protocol, the gateway and the upstream's connections, wired as in production, without a socket.

scene = Scene(fast_path=True)
scene.caller.arrive(asking(STREAM))
await turns()
(upstream,) = scene.upstream.connections
upstream.arrive(b"HTTP/1.1 200 OK\\r\\n...")
assert scene.answers()[0].status == 200
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import uvicorn
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from typing_extensions import override
from uvicorn.server import ServerState

from adapters.gateway.asyncio import AsyncioDriver, AsyncioGateway
from adapters.gateway.endpoints import Endpoints
from adapters.http_api.app import build_app
from adapters.http_api.fast_path.passage import Passage
from adapters.http_api.fast_path.protocol import FastPathProtocol
from adapters.http_api.metrics import Metrics
from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.destinations import Destination
from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.tls import tls_context
from domain.flows import ApiKey, Credential
from domain.http import Route, Timeouts
from domain.upstream_flows import Upstream
from tests.adapters.gateway.test_drivers import Ports
from tests.adapters.http_api.serving import OPTIONS
from tests.fakes.socket_transport import FakeSocketTransport

TOKEN = "a-token-that-must-not-come-back"
CHAT_URL = "http://llm.example/v1/chat/completions"
QUICK = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=5))
ID = b"the-callers-own-id"
_TLS = tls_context(extra_ca_certs=(), cert_file=None)


class SocketlessTransport(HttptoolsTransport):
    """Its connections stand at once, and what the upstream says on them is the test's to decide."""

    def __init__(self) -> None:
        super().__init__(proxy_url=None, tls=_TLS)
        self.connections: list[FakeSocketTransport] = []
        self.refusal: Exception | None = None

    @override
    async def _dial(self, destination: Destination, timeouts: Timeouts) -> Connection:
        if self.refusal is not None:
            raise self.refusal
        connection = self.pool.new(destination.key)
        self.connections.append(FakeSocketTransport(connection))
        return connection


@dataclass(slots=True)
class Answer:
    """What a caller reads; `complete` when its framing says so."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    complete: bool = False

    def settled(self) -> tuple[int, dict[str, str], bytes, bool]:
        """What is the same for the same question, however often it is asked."""
        kept = {name: value for name, value in self.headers.items() if name not in ("date", "x-request-id")}
        body = self.body
        given = self.headers.get("x-request-id")
        if given is not None:
            body = body.replace(given.encode(), b"ID")
        return self.status, kept, body, self.complete


class _Reader:
    """The callbacks of httptools for a client."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.answers.append(Answer())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answers[-1].headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_body(self, piece: bytes) -> None:
        self.answers[-1].body += piece

    def on_message_complete(self) -> None:
        self.answers[-1].complete = True


class Scene:
    """One caller's connection. To be made inside a running event loop."""

    def __init__(self, *, fast_path: bool, credential: Credential | None = None, **options: Any) -> None:
        self.ports = Ports("asyncio")
        self.ports.routes.remember(Route.DIRECT)
        self.upstream = SocketlessTransport()
        driver = AsyncioDriver(
            store=self.ports.store,
            clock=self.ports.clock,
            transport=self.upstream,
            memory=self.ports.routes,
            journal=self.ports.journal,
            refresher=self.ports.blocking.refresher,
        )
        self.gateway = AsyncioGateway(
            driver=driver,
            clock=self.ports.clock,
            credential=credential or ApiKey(key=TOKEN),
            upstream=Upstream(chat_url=CHAT_URL, models_url=None, quick=QUICK, inference=QUICK),
            endpoints=Endpoints(CHAT_URL),
            default_model="default-model",
        )
        self.lines: list[dict[str, Any]] = []
        self.metrics = Metrics()
        app = build_app(
            self.gateway,
            replace(OPTIONS, fast_path=fast_path, **options),
            version="0",
            aclose=driver.aclose,
            metrics=self.metrics,
            write_line=self._write,
        )
        config = uvicorn.Config(
            app, log_config=None, ws="none", lifespan="off", server_header=False, proxy_headers=False
        )
        config.load()
        self.state = ServerState()
        self.protocol = FastPathProtocol(config, self.state, {})
        self.caller = FakeSocketTransport(self.protocol)

    def _write(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})

    @property
    def on_fast_path(self) -> bool:
        """Whether nothing of uvicorn's and of ASGI is under way."""
        return not self.state.tasks

    def answers(self) -> list[Answer]:
        """What the caller has read so far."""
        reader = _Reader()
        try:
            reader.parser.feed_data(bytes(self.caller.written))
        except (HttpParserError, HttpParserUpgrade) as error:
            raise AssertionError(f"no HTTP: {bytes(self.caller.written)!r}") from error
        return reader.answers

    def asked(self) -> Iterator[bytes]:
        """What each of the upstream's connections was asked."""
        return (bytes(connection.written) for connection in self.upstream.connections)

    async def end(self) -> None:
        """Nothing is left of it."""
        self.caller.lose()
        await turns(20)
        for task in tuple(self.state.tasks):
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)
        await self.upstream.aclose()


NewScene = Callable[..., Scene]


async def asked(scene: Scene, request: bytes) -> bool:
    """Whether a request goes the fast path."""
    scene.caller.arrive(request)
    fast = scene.on_fast_path and isinstance(scene.protocol.cycle, Passage)
    await turns()
    return fast


def asking(body: object, *fields: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    """A caller's request, with an id of its own."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [
        b"POST %b HTTP/1.1" % path,
        b"Host: 127.0.0.1:8000",
        b"Content-Type: application/json",
        b"X-Request-Id: " + ID,
        *fields,
        b"Content-Length: %d" % len(content),
    ]
    return b"\r\n".join((*head, b"", content))


def whole(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """An upstream's answer of one piece."""
    head = [b"HTTP/1.1 " + status, b"Content-Type: application/json", *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join((*head, b"", body))


def chunked(*pieces: bytes, head: bytes = b"Content-Type: text/event-stream", end: bool = True) -> bytes:
    """An upstream's stream."""
    start = b"HTTP/1.1 200 OK\r\n" + head + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    return start + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


async def turns(count: int = 12) -> None:
    """Let what is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)

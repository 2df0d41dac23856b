"""All transports under one set of fixtures: every test of a law runs over each of them."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol, TypeVar

import pytest
import trustme

from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.httpx import HttpxTransport
from adapters.transport.requests import RequestsTransport
from adapters.transport.tls import tls_context
from domain.errors import TransportError
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from ports.transport import AsyncTransport, ResponseStream, Transport
from tests.adapters.transport.following import FollowedTransport, HandedOverTransport
from tests.contracts.transport import Blocking
from tests.fakes.loop_thread import LoopThread

E = TypeVar("E", bound=TransportError)
Call = Callable[[str, Timeouts], object]
PATIENT = Timeouts(connect=timedelta(seconds=10), read=timedelta(seconds=10))


class NewTransport(Protocol):
    def __call__(self, *, proxy_url: str | None = None, tls: ssl.SSLContext | None = None) -> "Client": ...


class Client:
    """A transport with the arguments that most tests do not care about."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def send(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        route: Route = Route.DIRECT,
        timeouts: Timeouts = PATIENT,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> HttpResponse:
        request = HttpRequest(method=method, url=url, headers=headers, body=body)
        return self.transport.send(request, route=route, timeouts=timeouts, max_bytes=max_bytes)

    def open(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        route: Route = Route.DIRECT,
        timeouts: Timeouts = PATIENT,
    ) -> ResponseStream:
        request = HttpRequest(method=method, url=url, headers=headers, body=body)
        return self.transport.open_stream(request, route=route, timeouts=timeouts)

    def read(self, url: str, *, route: Route = Route.DIRECT, timeouts: Timeouts = PATIENT) -> bytes:
        """The whole body of a pooled exchange."""
        stream = self.open(url, route=route, timeouts=timeouts)
        try:
            return b"".join(stream)
        finally:
            stream.close()


NEW_ASYNCIO: dict[str, Callable[..., AsyncTransport]] = {
    "httpx": HttpxTransport,
    "httptools": HttptoolsTransport,
    "httptools on uvloop": HttptoolsTransport,
    "httptools, handed over": HandedOverTransport,
    "httptools, followed": FollowedTransport,
}


@pytest.fixture(params=["requests", *NEW_ASYNCIO])
def new_transport(request: pytest.FixtureRequest, system_tls: ssl.SSLContext) -> Iterator[NewTransport]:
    """Makes transports of the kind under test; they are closed with the test."""
    with ExitStack() as stack:
        thread: LoopThread | None = None
        if request.param != "requests":
            uvloop = request.param.endswith("uvloop")
            thread = LoopThread(uvloop_loop if uvloop else asyncio.new_event_loop).start()
            stack.callback(thread.stop)

        def make(*, proxy_url: str | None = None, tls: ssl.SSLContext | None = None) -> Client:
            context = system_tls if tls is None else tls
            transport: Transport
            if thread is None:
                transport = RequestsTransport(proxy_url=proxy_url, tls=context)
            else:
                transport = Blocking(NEW_ASYNCIO[request.param](proxy_url=proxy_url, tls=context), thread)
            stack.callback(transport.close)
            return Client(transport)

        yield make


@pytest.fixture
def client(new_transport: NewTransport) -> Client:
    return new_transport()


@pytest.fixture(params=["send", "open_stream"])
def call(request: pytest.FixtureRequest, client: Client) -> Call:
    """One exchange to its end, quick or pooled."""
    if request.param == "send":
        return lambda url, timeouts: client.send(url, method="POST", body=b"a=1", timeouts=timeouts)
    return lambda url, timeouts: client.read(url, timeouts=timeouts)


@pytest.fixture(scope="session")
def system_tls() -> ssl.SSLContext:
    return tls_context([])


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """A company's own CA, which no system trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    return serving(ca.issue_cert("localhost", "127.0.0.1", "::1"))


@pytest.fixture
def company_tls(ca_file: Path) -> ssl.SSLContext:
    return tls_context([ca_file])


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL is not here
    return context


def limits(*, connect: float = 10, read: float = 10, total: float | None = None) -> Timeouts:
    return Timeouts(
        connect=timedelta(seconds=connect),
        read=timedelta(seconds=read),
        total=None if total is None else timedelta(seconds=total),
    )


@contextmanager
def raises_within(kind: type[E], seconds: float, *, match: str) -> Generator[list[E]]:
    """This error exactly, not a subclass, and soon. The list holds it afterwards."""
    begun = monotonic()
    found: list[E] = []
    with pytest.raises(kind, match=match) as caught:
        yield found
    found.append(caught.value)
    assert type(caught.value) is kind
    assert monotonic() - begun < seconds
    assert caught.value.__cause__ is not None


def uvloop_loop() -> asyncio.AbstractEventLoop:
    new: Callable[[], asyncio.AbstractEventLoop] = pytest.importorskip("uvloop").new_event_loop  # not on every system
    return new()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port

import ssl
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar

from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.httpx import HttpxTransport
from adapters.transport.requests import RequestsTransport
from domain.errors import TransportError
from ports.transport import AsyncTransport, Transport
from tests.adapters.transport.following import FollowedTransport, HandedOverTransport
from tests.contracts.transport import Blocking, TransportContract
from tests.fakes.loop_thread import LoopThread
from tests.fakes.transport import FakeAsyncTransport, FakeTransport, Scripted
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest, WireServer


def on_the_wire(answer: Scripted) -> Behaviour:
    """The scripted answer as a real server gives it: chunked, and cut off where the script breaks."""
    assert isinstance(answer.pieces, Iterable)
    pieces = tuple(answer.pieces)

    def behave(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked(status=answer.status, headers=answer.headers)
        for piece in pieces:
            if isinstance(piece, TransportError):
                connection.close()
                return
            if isinstance(piece, timedelta):
                connection.pause(piece.total_seconds())
            elif piece:
                connection.chunk(piece)
        connection.end_chunked()

    return behave


class TestRequestsTransport(TransportContract):
    @contextmanager
    def upstream(self, answer: Scripted) -> Generator[tuple[Transport, str]]:
        transport = RequestsTransport(proxy_url=None, tls=ssl.create_default_context())
        with WireServer(on_the_wire(answer)) as server:
            yield transport, server.url
            transport.close()


class TestHttpxTransport(TransportContract):
    @contextmanager
    def upstream(self, answer: Scripted) -> Generator[tuple[Transport, str]]:
        thread = LoopThread().start()
        transport = Blocking(HttpxTransport(proxy_url=None, tls=ssl.create_default_context()), thread)
        with WireServer(on_the_wire(answer)) as server:
            yield transport, server.url
            transport.close()
        thread.stop()


class TestHttptoolsTransport(TransportContract):
    kind: ClassVar[Callable[..., AsyncTransport]] = HttptoolsTransport

    @contextmanager
    def upstream(self, answer: Scripted) -> Generator[tuple[Transport, str]]:
        thread = LoopThread().start()
        transport = Blocking(self.kind(proxy_url=None, tls=ssl.create_default_context()), thread)
        with WireServer(on_the_wire(answer)) as server:
            yield transport, server.url
            transport.close()
        thread.stop()


class TestHandedOverTransport(TestHttptoolsTransport):
    kind = HandedOverTransport


class TestFollowedTransport(TestHttptoolsTransport):
    kind = FollowedTransport


class TestFakeTransport(TransportContract):
    @contextmanager
    def upstream(self, answer: Scripted) -> Generator[tuple[Transport, str]]:
        yield FakeTransport(lambda _request, _route: answer), "http://upstream.test/"


class TestFakeAsyncTransport(TransportContract):
    @contextmanager
    def upstream(self, answer: Scripted) -> Generator[tuple[Transport, str]]:
        thread = LoopThread().start()
        yield Blocking(FakeAsyncTransport(lambda _request, _route: answer), thread), "http://upstream.test/"
        thread.stop()

"""What threads can do to the blocking transport: share it."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.transport.requests import RequestsTransport
from domain.errors import ResponseTimeoutError
from domain.http import HttpRequest, Route
from tests.adapters.transport.conftest import PATIENT, Client, limits
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer


@pytest.fixture
def shared(system_tls: ssl.SSLContext) -> Iterator[RequestsTransport]:
    transport = RequestsTransport(proxy_url=None, tls=system_tls)
    yield transport
    transport.close()


def echo_target(connection: WireConnection, request: WireRequest) -> None:
    connection.reply(request.target.encode())


def test_many_threads_share_one_pool(shared: RequestsTransport) -> None:
    client = Client(shared)

    def ask(path: str) -> str:
        return client.read(server.url + path).decode()

    with WireServer(echo_target) as server, ThreadPoolExecutor(8) as threads:
        paths = [f"/{number}" for number in range(160)]
        assert list(threads.map(ask, paths)) == paths
        assert len(server.connections) <= 8


def test_each_of_two_interleaved_streams_keeps_to_its_own_limits(shared: RequestsTransport) -> None:
    def one_and_silence(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked()
        connection.chunk(b"1")
        connection.pause(0.6 if request.target == "/patient" else 20)
        connection.chunk(b"2")
        connection.end_chunked()

    with WireServer(one_and_silence) as server:
        hasty, patient = (
            shared.open_stream(HttpRequest(method="GET", url=server.url + path), route=Route.DIRECT, timeouts=timeouts)
            for path, timeouts in (("/hasty", limits(total=0.3)), ("/patient", PATIENT))
        )
        with pytest.raises(ResponseTimeoutError, match="not complete within"):
            list(hasty)
        assert b"".join(patient) == b"12"
        patient.close()


def test_a_connection_that_stood_idle_too_long_is_not_used_again(
    shared: RequestsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(shared)
    with WireServer() as server:
        client.read(server.url)
        client.read(server.url)
        assert len(server.connections) == 1
        monkeypatch.setattr("adapters.transport.connections.KEEPALIVE_S", 0.0)
        client.read(server.url)
        assert len(server.connections) == 2

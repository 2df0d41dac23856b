"""From a destination to a connection: addresses that race, tunnels that open or do not, and nothing left behind."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from adapters.transport.httptools import sockets
from adapters.transport.httptools.destinations import Destination
from adapters.transport.httptools.sockets import open_socket
from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.httptools.tunnels import MAX_ANSWER_BYTES, Tunnel, TunnelRefusedError
from adapters.transport.peers import ForwardProxy
from domain.errors import ConnectionLostError, NotConnectedError
from domain.http import HttpRequest, Route
from tests.adapters.transport.conftest import PATIENT, free_port, uvloop_loop
from tests.adapters.transport.httptools_exchanges import turns
from tests.adapters.transport.test_not_connected import unresponsive_port
from tests.fakes.loop_thread import LoopThread
from tests.fakes.socket_transport import FakeSocketTransport
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

PROXY = ForwardProxy.parse("http://joe:secret@proxy.example:3128")
ORIGIN = Destination.of("https://[2001:db8::1]/", Route.PROXY, PROXY)


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as server:
        yield server


@pytest.fixture
async def transport(system_tls: ssl.SSLContext) -> AsyncIterator[HttptoolsTransport]:
    transport = HttptoolsTransport(proxy_url=None, tls=system_tls)
    yield transport
    await transport.aclose()


def resolved_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    def found(*args: object, **kwargs: object) -> list[object]:
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (host, port),
            )
            for host, port in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)


async def test_the_first_address_that_answers_wins(monkeypatch: pytest.MonkeyPatch, server: WireServer) -> None:
    with unresponsive_port("127.0.0.2") as silent:
        resolved_to(monkeypatch, ("127.0.0.2", silent), ("127.0.0.1", free_port()), ("127.0.0.1", server.port))
        with await open_socket("many.example", server.port) as found:
            assert found.getpeername() == ("127.0.0.1", server.port)


async def test_two_addresses_that_answer_at_once_leave_one_connection(
    monkeypatch: pytest.MonkeyPatch, server: WireServer
) -> None:
    monkeypatch.setattr(sockets, "NEXT_ATTEMPT_S", 0)
    resolved_to(monkeypatch, *[("127.0.0.1", server.port)] * 4)
    with await open_socket("many.example", server.port) as found:
        assert found.getpeername() == ("127.0.0.1", server.port)
        await turns(10)
    # A socket left open by the losers would be told by its ResourceWarning.


async def test_addresses_that_all_refuse_tell_why(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved_to(monkeypatch, ("127.0.0.1", free_port()), ("127.0.0.1", free_port()))
    with pytest.raises(ConnectionRefusedError):
        await open_socket("many.example", 80)
    resolved_to(monkeypatch)
    with pytest.raises(OSError, match="no address"):
        await open_socket("none.example", 80)


async def test_a_race_that_is_called_off_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with unresponsive_port("127.0.0.2") as one, unresponsive_port("127.0.0.3") as other:
        resolved_to(monkeypatch, ("127.0.0.2", one), ("127.0.0.3", other))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await open_socket("many.example", 80)
        await turns()


@pytest.mark.parametrize("ending", [WireConnection.reset, WireConnection.close])
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop_loop])
def test_a_handshake_that_fails_leaves_no_socket_that_would_close_the_number_of_another(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    ending: Callable[[WireConnection], None],
    system_tls: ssl.SSLContext,
) -> None:
    thread = LoopThread(new_loop).start()
    transport = HttptoolsTransport(proxy_url=None, tls=system_tls)
    with WireServer(on_connect=ending) as server:
        request = HttpRequest(method="GET", url=f"https://{server.authority}/")
        for _ in range(5):
            with pytest.raises(NotConnectedError):
                thread.run(transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT))
        thread.run(transport.aclose())
    thread.stop()
    # A socket object that is collected with a descriptor closes it, whosever it is by then, and says so.
    gc.collect()


def test_no_family_waits_for_all_addresses_of_the_other() -> None:
    addresses = [(family, number) for number, family in enumerate([6, 6, 6, 4, 4])]
    assert [number for _, number in sockets.families_in_turn(addresses)] == [0, 3, 1, 4, 2]


async def opened(*pieces: bytes) -> tuple[Tunnel, FakeSocketTransport]:
    """A tunnel whose proxy answered this."""
    tunnel = Tunnel()
    transport = FakeSocketTransport(tunnel)
    task = asyncio.ensure_future(tunnel.open(ORIGIN))
    await turns()
    transport.arrive(*pieces)
    await task
    return tunnel, transport


async def test_a_tunnel_is_asked_for_by_host_and_port_with_the_proxys_credentials() -> None:
    for answer in (b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.0 204\r\nContent-Length: 9\r\n\r\n"):
        _, transport = await opened(b"HTTP/1.1 100 Continue\r\n\r\n", *[bytes([byte]) for byte in answer])
        assert bytes(transport.written) == (
            b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
            b"Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n"
        )
        assert not transport.closed


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n<html>", "407 Proxy Authentication Required"),
        (b"HTTP/1.1 502\r\n\r\n", "502"),
    ],
)
async def test_a_refusal_is_told_by_its_status_line(answer: bytes, told: str) -> None:
    with pytest.raises(TunnelRefusedError) as caught:
        await opened(answer)
    assert caught.value.status_line == told


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 99 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 " + b"x" * MAX_ANSWER_BYTES,
    ],
)
async def test_what_is_no_answer_to_connect_opens_no_tunnel(answer: bytes) -> None:
    with pytest.raises(OSError):
        await opened(answer)


async def test_a_proxy_that_is_gone_before_it_is_asked_opens_no_tunnel() -> None:
    tunnel = Tunnel()
    FakeSocketTransport(tunnel).lose(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await tunnel.open(ORIGIN)


async def test_a_request_that_never_left_a_kept_connection_is_sent_over_another(
    transport: HttptoolsTransport, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = HttpRequest(method="POST", url=server.url, body=b"{}")
    stream = await transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT)
    assert [piece async for piece in stream] == [b"ok"]
    (idle,) = transport.pool.idle
    monkeypatch.setattr(idle, "is_fresh", lambda: True)  # as if it had gone a moment later
    idle.abort()
    stream = await transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT)
    assert [piece async for piece in stream] == [b"ok"]
    assert [asked.connection for asked in server.requests] == [0, 1]


async def test_a_request_that_was_written_is_never_sent_again(transport: HttptoolsTransport) -> None:
    def answer_once(connection: WireConnection, request: WireRequest) -> None:
        if len(once.requests) == 1:
            connection.reply(b"ok")
        else:
            connection.close()

    with WireServer(answer_once) as once:
        request = HttpRequest(method="POST", url=once.url, body=b"{}")
        stream = await transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT)
        assert [piece async for piece in stream] == [b"ok"]
        with pytest.raises(ConnectionLostError, match="without an answer"):
            await transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT)
        assert len(once.requests) == 2

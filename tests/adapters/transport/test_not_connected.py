"""Every way an exchange can fail before its request has left: it may be repeated over another route."""

import gc
import socket
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from domain.errors import NotConnectedError
from tests.adapters.transport.conftest import Call, Client, free_port, limits, raises_within
from tests.fakes.wire_server import WireConnection, WireServer


def test_a_refused_connection_was_never_made(call: Call) -> None:
    port = free_port()
    with raises_within(
        NotConnectedError, 5, match=rf"^could not connect to 127.0.0.1:{port} directly: connection refused$"
    ):
        call(f"http://127.0.0.1:{port}/secret?key=secret", limits())


def test_a_name_that_does_not_resolve_was_never_connected(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with raises_within(
        NotConnectedError, 5, match=r"^could not connect to api.example.com:443 directly: name or service not known$"
    ):
        call("https://api.example.com/v1", limits())


def test_a_name_server_that_never_answers_counts_as_connecting(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def silent(*args: object, **kwargs: object) -> list[object]:
        answered.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        with raises_within(NotConnectedError, 3, match="timed out") as caught:
            call("http://api.example.com/", limits(connect=0.1))
        assert caught[0].timed_out
    finally:
        answered.set()


def test_an_impossible_host_name_was_never_connected(call: Call) -> None:
    with raises_within(NotConnectedError, 5, match="could not connect to"):
        call(f"http://{'a' * 64}.example/", limits())


def test_a_host_that_swallows_packets_times_out_while_connecting(call: Call) -> None:
    with unresponsive_port() as port, raises_within(NotConnectedError, 3, match="timed out") as caught:
        call(f"http://127.0.0.1:{port}/", limits(connect=0.1))
    assert caught[0].timed_out


def test_an_address_that_swallows_packets_leaves_time_for_the_next_one(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WireServer() as server, unresponsive_port("127.0.0.2", server.port):

        def both(*args: object, **kwargs: object) -> list[object]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*kind, ("127.0.0.2", server.port)), (*kind, ("127.0.0.1", server.port))]

        monkeypatch.setattr(socket, "getaddrinfo", both)
        call(f"http://both.example:{server.port}/", limits(connect=1))
        assert len(server.requests) == 1


def test_a_tls_handshake_that_is_never_answered_times_out_while_connecting(call: Call) -> None:
    with WireServer(on_connect=WireConnection.pause) as server:
        with raises_within(NotConnectedError, 3, match="timed out") as caught:
            call(f"https://{server.authority}/", limits(connect=0.1))
        assert caught[0].timed_out
        assert server.closed.wait(5)


def drop_what_python_left_open() -> None:
    """ssl.SSLSocket forgets itself where its peer has gone before it wraps the connection; what it says of that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_reset_in_the_tls_handshake_comes_before_the_request(call: Call) -> None:
    with (
        WireServer(on_connect=WireConnection.reset) as server,
        raises_within(NotConnectedError, 5, match="connection reset|was closed"),
    ):
        call(f"https://{server.authority}/", limits())
    drop_what_python_left_open()


def test_an_end_in_the_tls_handshake_comes_before_the_request(call: Call) -> None:
    with (
        WireServer(on_connect=WireConnection.close) as server,
        raises_within(NotConnectedError, 5, match="closed|reset"),
    ):
        call(f"https://{server.authority}/", limits())
    drop_what_python_left_open()


def test_a_server_that_speaks_no_tls_was_never_sent_the_request(call: Call) -> None:
    def shout(connection: WireConnection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with WireServer(on_connect=shout) as server, raises_within(NotConnectedError, 5, match="TLS failed: "):
        call(f"https://{server.authority}/", limits())
    assert not server.requests


def test_an_earlier_failure_does_not_colour_a_later_one(client: Client) -> None:
    """A request repeated inside an `except` block has the first failure as its context."""
    port = free_port()
    try:
        with WireServer(on_connect=WireConnection.pause) as server:
            client.send(f"https://{server.authority}/", timeouts=limits(connect=0.1))
    except NotConnectedError:
        with pytest.raises(NotConnectedError, match="connection refused") as caught:
            client.send(f"http://127.0.0.1:{port}/")
        assert not caught.value.timed_out


@contextmanager
def unresponsive_port(host: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """A port whose queue is full: the kernel drops further connection attempts without a word."""
    with socket.socket() as listener:
        try:
            listener.bind((host, port))
        except OSError:
            pytest.skip(f"{host} is not an address of this machine")
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers: list[socket.socket] = []
        try:
            for _ in range(8):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((host, port))
                fillers.append(filler)
            yield port
        finally:
            for filler in fillers:
                filler.close()

"""Every way an exchange can fail once its request may have left: it is told as such, and nothing is repeated."""

import pytest

from domain.errors import ConnectionLostError, ResponseTimeoutError, TransportError
from tests.adapters.transport.conftest import Call, Client, limits, raises_within
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest, WireServer


def silence(connection: WireConnection, request: WireRequest) -> None:
    connection.pause()


def half_a_head(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.pause()


def half_a_body(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.chunk(b"half")
    connection.pause()


@pytest.mark.parametrize("behaviour", [silence, half_a_head, half_a_body])
def test_silence_after_the_request_is_a_response_timeout(call: Call, behaviour: Behaviour) -> None:
    with WireServer(behaviour) as server:
        with raises_within(ResponseTimeoutError, 3, match=r"nothing came for 0\.1 s"):
            call(server.url, limits(read=0.1))
        assert server.closed.wait(1)
        assert len(server.requests) == 1


def dribbled_head(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not connection.closed.is_set():
        connection.send(b"x")
        connection.pause(0.02)


def dribbled_body(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    while not connection.closed.is_set():
        connection.chunk(b"x")
        connection.pause(0.02)


@pytest.mark.parametrize("behaviour", [silence, dribbled_head, dribbled_body])
def test_the_whole_answer_is_limited_however_it_dribbles(call: Call, behaviour: Behaviour) -> None:
    with WireServer(behaviour) as server:
        with raises_within(ResponseTimeoutError, 3, match=r"not complete within 0\.2 s"):
            call(server.url, limits(read=5, total=0.2))
        assert server.closed.wait(1)


def test_a_server_that_does_not_read_the_request_is_a_response_timeout(client: Client) -> None:
    def deaf(connection: WireConnection) -> None:
        connection.stop_reading()
        connection.pause()

    with (
        WireServer(on_connect=deaf) as server,
        raises_within(ResponseTimeoutError, 5, match=r"nothing came for 0\.3 s"),
    ):
        client.send(server.url, method="POST", body=bytes(30_000_000), timeouts=limits(read=0.3))


def leave(connection: WireConnection, request: WireRequest) -> None:
    connection.close()


def slam(connection: WireConnection, request: WireRequest) -> None:
    connection.reset()


def cut_head(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.close()


def cut_between_headers(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-One: 1\r\n")
    connection.close()


def cut_chunk(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.send(b"ff\r\nonly this")
    connection.close()


def no_last_chunk(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.chunk(b"all but the end")
    connection.close()


def cut_length(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    connection.close()


def reset_in_body(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.chunk(b"begun")
    connection.reset()


def garbage(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"\x16\x03secret garbage\r\n\r\n")
    connection.close()


def bad_chunk(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.send(b"secret\r\nxx\r\n")
    connection.close()


def huge_header(connection: WireConnection, request: WireRequest) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"s" * 300_000 + b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (leave, "without an answer"),
        (slam, "connection reset|without an answer"),
        (cut_head, "before it was complete|without an answer"),
        (cut_between_headers, "before it was complete|without an answer"),
        (cut_chunk, "before it was complete"),
        (no_last_chunk, "before it was complete"),
        (cut_length, "before it was complete"),
        (reset_in_body, "connection reset"),
        (garbage, "not valid HTTP"),
        (bad_chunk, "not valid HTTP|before it was complete"),
        (huge_header, "not valid HTTP"),
    ],
)
def test_whatever_breaks_after_the_request_is_a_lost_connection(call: Call, behaviour: Behaviour, reason: str) -> None:
    with WireServer(behaviour) as server:
        with raises_within(
            ConnectionLostError, 5, match=rf"^the connection to {server.authority} directly broke: .*({reason})"
        ):
            call(f"{server.url}/path?key=secret", limits())
        assert len(server.requests) == 1, "nothing is repeated"


def test_no_message_repeats_what_was_exchanged(client: Client) -> None:
    for behaviour in (garbage, bad_chunk, leave):
        with WireServer(behaviour) as server, pytest.raises(TransportError) as caught:
            client.send(
                f"{server.url}/?key=secret", method="POST", headers=(("X-Key", "secret"),), body=b"client_secret=secret"
            )
        assert "secret" not in str(caught.value)


def test_a_connection_that_breaks_between_two_requests_is_not_taken_for_one_never_made(client: Client) -> None:
    def once(connection: WireConnection, request: WireRequest) -> None:
        if len(server.requests) == 1:
            connection.reply(b"ok")
        else:
            connection.reset()

    with WireServer(once) as server:
        assert client.read(server.url) == b"ok"
        with raises_within(ConnectionLostError, 5, match="connection reset|without an answer"):
            client.read(server.url)


@pytest.mark.parametrize("behaviour", [leave, slam, cut_chunk, garbage, silence])
def test_the_next_request_works(client: Client, behaviour: Behaviour) -> None:
    def first_bad(connection: WireConnection, request: WireRequest) -> None:
        if len(server.requests) == 1:
            behaviour(connection, request)
        else:
            connection.reply(b"ok")

    with WireServer(first_bad) as server:
        with pytest.raises(TransportError):
            client.read(server.url, timeouts=limits(read=0.3))
        assert client.read(server.url) == b"ok"

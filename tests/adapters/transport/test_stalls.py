"""An answer that has begun and does not get on: the reader's own limit ends it, whatever still dribbles in."""

import ssl
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from adapters.transport.requests import RequestsTransport
from domain.errors import ResponseTimeoutError
from ports.transport import ResponseStream
from tests.adapters.transport.conftest import Client, limits, raises_within
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest, WireServer

MOMENT = timedelta(seconds=0.15)
LONG = timedelta(seconds=10)


def first_then_silence(connection: WireConnection, request: WireRequest) -> None:
    if request.target == "/well":
        connection.reply(b"ok")
        return
    connection.begin_chunked()
    connection.chunk(b"first")
    connection.pause()


def first_then_a_dribbled_chunk_size(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.chunk(b"first")
    while not connection.closed.is_set():
        connection.send(b"0")
        connection.pause(0.02)


def first_then_compressed_nothing(connection: WireConnection, request: WireRequest) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    connection.begin_chunked(headers=(("Content-Encoding", "gzip"),))
    connection.chunk(packer.compress(b"first") + packer.flush(zlib.Z_SYNC_FLUSH))
    while not connection.closed.is_set():
        connection.chunk(packer.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff")
        connection.pause(0.02)


def take_all(stream: ResponseStream, into: bytearray) -> None:
    for piece in stream:
        into += piece


@pytest.mark.parametrize(
    "behaviour", [first_then_silence, first_then_a_dribbled_chunk_size, first_then_compressed_nothing]
)
def test_bytes_that_make_no_piece_do_not_stretch_the_limit(client: Client, behaviour: Behaviour) -> None:
    with WireServer(behaviour) as server:
        stream = client.open(server.url)
        assert next(iter(stream)) == b"first"
        stream.wait_at_most(MOMENT)
        with raises_within(
            ResponseTimeoutError, 3, match=rf"^{server.authority} .* directly .* nothing new for 0\.15 s"
        ):
            next(iter(stream))
        assert server.closed.wait(1)
        stream.close()


def test_a_connection_that_stalled_is_not_used_again(client: Client) -> None:
    with WireServer(first_then_silence) as server:
        stream = client.open(server.url)
        assert next(iter(stream)) == b"first"
        stream.wait_at_most(MOMENT)
        with pytest.raises(ResponseTimeoutError):
            next(iter(stream))
        assert server.closed.wait(1), "closed before the reader closes it"
        stream.close()
        assert client.read(f"{server.url}/well") == b"ok"
        assert [request.connection for request in server.requests] == [0, 1]


def test_a_connection_whose_stream_ended_under_a_limit_is_used_again_without_it(client: Client) -> None:
    def answer(connection: WireConnection, request: WireRequest) -> None:
        if request.target == "/slow":
            connection.begin_chunked()
            connection.pause(0.1)
            connection.chunk(b"slow")
            connection.end_chunked()
        else:
            connection.reply(b"ok")

    with WireServer(answer) as server:
        stream = client.open(server.url)
        stream.wait_at_most(LONG)
        assert list(stream) == [b"ok"]
        stream.wait_at_most(timedelta(0))
        stream.close()
        assert client.read(f"{server.url}/slow") == b"slow"
        assert len(server.connections) == 1


def test_what_has_arrived_is_delivered_though_no_time_is_left(client: Client) -> None:
    def both_at_once(connection: WireConnection, request: WireRequest) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n")
        connection.pause()

    with WireServer(both_at_once) as server:
        stream = client.open(server.url)
        got = bytearray(next(iter(stream)))
        stream.wait_at_most(timedelta(0))
        with pytest.raises(ResponseTimeoutError, match="nothing new for 0 s"):
            take_all(stream, got)
        assert bytes(got) == b"onetwo"
        stream.close()


def test_a_slow_reader_costs_nothing(client: Client) -> None:
    sent = threading.Event()

    def one_and_later_two(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked()
        connection.chunk(b"one")
        connection.pause(MOMENT.total_seconds() * 2)
        connection.chunk(b"two")
        connection.end_chunked()
        sent.set()

    with WireServer(one_and_later_two) as server:
        stream = client.open(server.url)
        assert next(iter(stream)) == b"one"
        stream.wait_at_most(MOMENT)
        assert sent.wait(10), "the reader is busy for longer than the limit"
        assert next(iter(stream)) == b"two"
        stream.close()


def test_the_limit_that_strikes_first_is_the_one_that_is_told(client: Client) -> None:
    for timeouts, own, told in (
        (limits(read=5, total=0.4), LONG, r"not complete within 0\.4 s"),
        (limits(read=0.2, total=10), LONG, r"nothing came for 0\.2 s"),
        (limits(read=5, total=10), MOMENT, r"nothing new for 0\.15 s"),
    ):
        with WireServer(first_then_silence) as server:
            stream = client.open(server.url, timeouts=timeouts)
            assert next(iter(stream)) == b"first"
            stream.wait_at_most(own)
            with pytest.raises(ResponseTimeoutError, match=told):
                next(iter(stream))
            stream.close()


def test_a_stream_keeps_to_its_limit_in_another_thread_and_beside_other_streams(system_tls: ssl.SSLContext) -> None:
    transport = RequestsTransport(proxy_url=None, tls=system_tls)
    client = Client(transport)
    with WireServer(first_then_silence) as server, ThreadPoolExecutor(1) as elsewhere:
        streams = [client.open(server.url) for _ in range(3)]

        def read_until_it_stalls() -> None:
            assert next(iter(streams[0])) == b"first"
            streams[0].wait_at_most(MOMENT)
            with pytest.raises(ResponseTimeoutError, match="nothing new"):
                next(iter(streams[0]))

        elsewhere.submit(read_until_it_stalls).result(10)
        assert next(iter(streams[2])) == b"first"
        for stream in streams:
            stream.close()
    transport.close()

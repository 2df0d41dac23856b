"""How an answer arrives: at once, decoded, whole or not at all."""

import gzip
import threading
import zlib
from collections.abc import Callable

import pytest

from domain.errors import ConnectionLostError, ResponseTooLargeError
from domain.http import find_header
from tests.adapters.transport.conftest import Client
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

TEXT = "Grüße, 世界. ".encode() * 5000


@pytest.mark.parametrize("framing", ["chunked", "length", "until-close"])
def test_a_single_byte_comes_out_before_the_next_one_is_sent(client: Client, framing: str) -> None:
    taken = threading.Semaphore(0)

    def drop_by_drop(connection: WireConnection, request: WireRequest) -> None:
        head = {"chunked": "Transfer-Encoding: chunked", "length": "Content-Length: 3", "until-close": "X: y"}[framing]
        connection.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for byte in (b"a", b"b", b"c"):
            if framing == "chunked":
                connection.chunk(byte)
            else:
                connection.send(byte)
            assert taken.acquire(timeout=10), "the byte was held back"
        if framing == "chunked":
            connection.end_chunked()
        connection.close()

    with WireServer(drop_by_drop) as server:
        stream = client.open(server.url)
        pieces: list[bytes] = []
        for piece in stream:
            pieces.append(piece)
            taken.release()
        stream.close()
    assert pieces == [b"a", b"b", b"c"]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("Deflate", raw_deflate)],
)
def test_content_codings_are_undone_and_no_longer_declared(
    client: Client, coding: str, encode: Callable[[bytes], bytes]
) -> None:
    def encoded(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(encode(TEXT), headers=(("Content-Encoding", coding),))

    with WireServer(encoded) as server:
        answer = client.send(server.url)
        stream = client.open(server.url)
        assert b"".join(stream) == TEXT == answer.body
        for headers in (stream.headers, answer.headers):
            assert find_header(headers, "Content-Encoding") is None
            assert find_header(headers, "Content-Length") is None
        stream.close()


def test_a_compressed_stream_gives_each_flushed_event_at_once(client: Client) -> None:
    taken = threading.Semaphore(0)

    def events(connection: WireConnection, request: WireRequest) -> None:
        packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        connection.begin_chunked(headers=(("Content-Encoding", "gzip"),))
        for event in (b"data: 1\n\n", b"data: 2\n\n"):
            connection.chunk(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH))
            assert taken.acquire(timeout=10), "the event was held back"
        connection.chunk(packer.flush())
        connection.end_chunked()

    with WireServer(events) as server:
        stream = client.open(server.url)
        pieces = iter(stream)
        for event in (b"data: 1\n\n", b"data: 2\n\n"):
            assert next(pieces) == event
            taken.release()
        assert list(pieces) == []
        stream.close()


@pytest.mark.parametrize("body", [gzip.compress(TEXT)[:-9], b"this is not gzip"])
def test_a_body_that_is_not_what_its_coding_says_is_an_error(client: Client, body: bytes) -> None:
    def broken(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(body, headers=(("Content-Encoding", "gzip"),))

    with WireServer(broken) as server, pytest.raises(ConnectionLostError, match="content coding"):
        client.read(server.url)


def test_a_coding_that_is_not_known_stays_declared_and_untouched(client: Client) -> None:
    def unknown(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(b"\x0b\x02\x80", headers=(("Content-Encoding", "br"),))

    with WireServer(unknown) as server:
        answer = client.send(server.url)
    assert (answer.body, answer.header("Content-Encoding")) == (b"\x0b\x02\x80", "br")


def test_a_small_compressed_body_cannot_burst_the_limit(client: Client) -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024), compresslevel=1)

    def explode(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(bomb, headers=(("Content-Encoding", "gzip"),))

    with WireServer(explode) as server, pytest.raises(ResponseTooLargeError):
        client.send(server.url, max_bytes=1024)


def test_an_endless_answer_is_cut_off_at_the_limit(client: Client) -> None:
    def endless(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked()
        while True:
            connection.chunk(b"x" * 65536)

    with WireServer(endless) as server:
        with pytest.raises(ResponseTooLargeError, match="1000000 bytes"):
            client.send(server.url, max_bytes=1_000_000)
        assert server.closed.wait(5)


def test_informational_answers_are_passed_over(client: Client) -> None:
    def hints(connection: WireConnection, request: WireRequest) -> None:
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
        connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        connection.reply(b"the answer", status=203)

    with WireServer(hints) as server:
        answer = client.send(server.url)
        assert (answer.status, answer.body, answer.header("Link")) == (203, b"the answer", None)
        assert client.read(server.url) == b"the answer"
        assert client.read(server.url) == b"the answer"


def test_repeated_and_latin_1_headers_arrive_as_they_are(client: Client) -> None:
    def answer(connection: WireConnection, request: WireRequest) -> None:
        connection.send(b"HTTP/1.1 204 No\r\nX-A: 1\r\nX-Name: caf\xe9\r\nX-A: 2\r\n\r\n")

    with WireServer(answer) as server:
        reply = client.send(server.url)
    assert [value for name, value in reply.headers if name == "X-A"] == ["1", "2"]
    assert (reply.status, reply.header("X-Name"), reply.body) == (204, "caf\xe9", b"")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_status_is_an_answer_like_any_other(client: Client, status: int) -> None:
    def fail(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(b"sorry", status=status, headers=(("Retry-After", "3"),))

    with WireServer(fail) as server:
        answer = client.send(server.url)
    assert (answer.status, answer.body, answer.header("Retry-After")) == (status, b"sorry", "3")


@pytest.mark.parametrize("begun", [False, True])
def test_an_abandoned_stream_closes_its_socket_at_once(client: Client, begun: bool) -> None:
    def silent_after_one(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked()
        connection.chunk(b"first")
        connection.pause()

    with WireServer(silent_after_one) as server:
        stream = client.open(server.url)
        if begun:
            assert next(iter(stream)) == b"first"
        stream.close()
        assert server.closed.wait(1)


def test_a_transport_goes_on_after_an_abandoned_stream(client: Client) -> None:
    def answer(connection: WireConnection, request: WireRequest) -> None:
        if request.target == "/long":
            connection.begin_chunked()
            connection.chunk(b"first")
            connection.pause()
        else:
            connection.reply(b"ok")

    with WireServer(answer) as server:
        assert client.read(server.url) == b"ok"
        client.open(f"{server.url}/long").close()
        assert client.read(server.url) == b"ok"


def test_streams_run_side_by_side(client: Client) -> None:
    with WireServer() as server:
        streams = [client.open(server.url) for _ in range(20)]
        assert [b"".join(stream) for stream in streams] == [b"ok"] * 20
        for stream in streams:
            stream.close()
        assert len({request.connection for request in server.requests}) == 20

"""A hostile server: any bytes in any pieces give an answer or a named error, and never those of another exchange."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transport.httptools.arrivals import MAX_FIELDS, MAX_HEAD_BYTES
from adapters.transport.httptools.transport import HttptoolsTransport
from domain.errors import ConnectionLostError, ResponseTimeoutError, TransportError
from domain.http import HttpRequest, HttpResponse, Route
from tests.adapters.transport.conftest import limits
from tests.adapters.transport.httptools_exchanges import Wire, outcome_of, turns
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

OK = b"HTTP/1.1 200 OK\r\n"
FRAGMENTS = (
    OK,
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/2.0 200 OK\r\n",
    b"HTTP/1.1 000 Nothing\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 4\r\n",
    b"Content-Length: 99999999999999999999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Keep-Alive: timeout=5, max=100\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"X-Folded: a\r\n b\r\n",
    b"X-Nul: a\x00b\r\n",
    b"X-Bare: a\nb\r\n",
    b"\r\n",
    b"\n",
    b"3\r\nabc\r\n",
    b"3;ext=1\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nTrailer: x\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"-1\r\n",
    b"abc",
    b"a" * 700,
)
hostile = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=12), max_size=14).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=8)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def in_pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted({place for place in at if 0 < place < len(data)}), len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]


def alike(one: HttpResponse | TransportError, other: HttpResponse | TransportError) -> bool:
    if isinstance(one, TransportError) or isinstance(other, TransportError):
        return type(one) is type(other)
    return one == other


@settings(max_examples=600, deadline=None)
@given(data=hostile, at=cuts, cut=st.booleans(), method=st.sampled_from(["GET", "HEAD"]))
def test_any_bytes_in_any_pieces_give_an_answer_or_a_named_error(
    runner: asyncio.Runner, data: bytes, at: list[int], cut: bool, method: str
) -> None:
    async def both() -> None:
        whole = await outcome_of([data], cut=cut, method=method)
        pieces = await outcome_of(in_pieces(data, at), cut=cut, method=method)
        assert alike(whole, pieces), (whole, pieces)
        for outcome in (whole, pieces):
            if isinstance(outcome, TransportError):
                assert isinstance(outcome, ConnectionLostError | ResponseTimeoutError)
                assert outcome.__cause__ is not None
            else:
                told = "".join(f"{name}{value}" for name, value in outcome.headers)
                assert not set(told) & {"\r", "\n", "\x00"}, "nothing to split a head with"

    runner.run(both())


@settings(max_examples=300, deadline=None)
@given(data=hostile, at=cuts)
def test_a_connection_that_said_more_than_its_answer_carries_no_other(
    runner: asyncio.Runner, data: bytes, at: list[int]
) -> None:
    """Whatever the first exchange was sent: if its connection is handed out again, the second one gets its own."""

    async def two() -> None:
        wire = Wire()
        connection, transport = wire.connect()
        first = wire.ask(connection)
        await turns()
        for piece in in_pieces(OK + b"Content-Length: 3\r\n\r\nabc" + data, at):
            transport.arrive(piece)
            await turns(1)
        await turns()
        assert first.result().body == b"abc"
        again = wire.pool.take(connection.key)
        if data.strip(b"\r\n"):  # an empty line is passed over (RFC 9112 section 2.2)
            assert again is None
        if again is None:
            assert data
            return
        second = wire.ask(again)
        await turns()
        transport.arrive(OK + b"Content-Length: 6\r\n\r\nsecond")
        await turns()
        assert (second.result().status, second.result().body) == (200, b"second")

    runner.run(two())


@settings(max_examples=300, deadline=None)
@given(
    chunks=st.lists(st.binary(min_size=1, max_size=30), max_size=8),
    framing=st.sampled_from(["chunked", "length", "until-close"]),
    at=cuts,
)
def test_a_well_formed_answer_arrives_whole_however_it_is_cut(
    runner: asyncio.Runner, chunks: list[bytes], framing: str, at: list[int]
) -> None:
    body = b"".join(chunks)
    match framing:
        case "chunked":
            rest = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
            data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + rest + b"0\r\n\r\n"
        case "length":
            data = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case _:
            data = OK + b"X: y\r\n\r\n" + body
    answer = runner.run(outcome_of(in_pieces(data, at), cut=framing == "until-close"))
    assert isinstance(answer, HttpResponse)
    assert answer.body == body


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Length: 3, 4\r\n\r\nabcd",
        OK + b"Content-Length: +3\r\n\r\nabc",
        OK + b"Content-Length : 3\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        OK + b"X: a\r\n folded\r\n\r\n",
        OK + b"X: a\x00\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nPRI",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
        b"HTTP/1.1 150 Odd\r\nContent-Length: 3\r\n\r\nabc" + OK,
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"<html>no head at all</html>",
    ],
)
def test_what_frames_a_body_in_two_ways_or_none_is_not_http(data: bytes) -> None:
    outcome = asyncio.run(outcome_of([data], cut=True))
    assert isinstance(outcome, ConnectionLostError)
    assert "not valid HTTP" in str(outcome)


@pytest.mark.parametrize(
    "head",
    [
        OK + b"X-Long: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
        OK + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * MAX_FIELDS + b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * MAX_FIELDS + OK + b"X: y\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_a_head_without_measure_is_refused(head: bytes, size: int) -> None:
    pieces = [head[start : start + size] for start in range(0, len(head), size)]
    outcome = asyncio.run(outcome_of(pieces, cut=False))
    assert isinstance(outcome, ConnectionLostError)
    assert "not valid HTTP" in str(outcome)


def test_a_great_head_that_keeps_to_the_limits_is_taken() -> None:
    head = OK + b"".join(b"X-%d: %b\r\n" % (number, b"x" * 290) for number in range(MAX_FIELDS - 1))
    outcome = asyncio.run(outcome_of([head + b"Content-Length: 0\r\n\r\n"], cut=False))
    assert isinstance(outcome, HttpResponse)
    assert len(outcome.headers) == MAX_FIELDS


@settings(max_examples=30, deadline=None)
@given(data=hostile, at=cuts, ending=st.sampled_from(["close", "reset"]))
def test_it_is_no_other_over_real_sockets(system_tls: ssl.SSLContext, data: bytes, at: list[int], ending: str) -> None:
    """A hostile exchange first, then a good one: the good one has its own answer."""
    ended = threading.Event()

    def say(connection: WireConnection, request: WireRequest) -> None:
        if request.target == "/good":
            connection.reply(b"good")
            return
        try:
            for piece in in_pieces(data, at):
                connection.send(piece)
            if ending == "close":
                connection.close()
            else:
                connection.reset()
        finally:
            ended.set()

    async def exchange(server: WireServer) -> None:
        transport = HttptoolsTransport(proxy_url=None, tls=system_tls)
        for path in ("hostile", "good"):
            request = HttpRequest(method="GET", url=f"{server.url}/{path}")
            try:
                stream = await transport.open_stream(request, route=Route.DIRECT, timeouts=limits(read=5))
                body = [piece async for piece in stream]
                await stream.aclose()
            except ConnectionLostError:
                assert path == "hostile"
            else:
                assert path == "hostile" or body == [b"good"]
            # A request that crosses with the end of its connection is lost, as it must be; here it does not cross.
            assert await asyncio.to_thread(ended.wait, 5)
        await transport.aclose()

    with WireServer(say) as server:
        asyncio.run(exchange(server))

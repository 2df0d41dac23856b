"""How long is waited, and who waits for whom: limits without a timer each, and back-pressure in both directions."""

import asyncio
import threading
from datetime import timedelta

import pytest

from adapters.transport.httptools.answers import SMALL_BYTES
from adapters.transport.httptools.connection import LITTLE_BYTES, MUCH_BYTES
from adapters.transport.outgoing import SLICE_BYTES
from domain.errors import ConnectionLostError, ResponseTimeoutError
from domain.http import HttpRequest, Timeouts
from tests.adapters.transport.conftest import NewTransport, limits
from tests.adapters.transport.httptools_exchanges import GET, HEAD, READ_S, TIMEOUTS, Wire, turns
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b"3\r\nabc\r\n"


def post(size: int) -> HttpRequest:
    return HttpRequest(method="POST", url=GET.url, body=bytes(size))


async def test_many_waits_share_one_timer_of_the_event_loop() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    for _ in range(5):
        task = wire.ask(connection)
        await turns()
        transport.arrive(BEGUN)
        for _ in range(10):
            wire.loop.advance(1)
            transport.arrive(PIECE)
            await turns()
        transport.arrive(b"0\r\n\r\n")
        assert (await task).body == b"abc" * 10
        assert wire.pool.take(connection.key) is connection
    assert len(wire.loop.timers) <= 2  # and the pool's own
    connection.abort()
    assert all(timer.cancelled for timer in wire.loop.timers if timer.when < wire.loop.now)


async def test_each_silence_is_measured_from_when_the_peer_was_last_heard() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    task = wire.ask(connection)
    await turns()
    for byte in b"HTTP/1.1 200 OK\r\n":
        wire.loop.advance(READ_S - 1)
        transport.arrive(bytes([byte]))
        await turns()
    assert not task.done()
    wire.loop.advance(READ_S + 1)
    with pytest.raises(ResponseTimeoutError, match="nothing came for 30 s"):
        await task
    assert transport.closed


async def test_a_limit_that_comes_sooner_than_the_timer_moves_it() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(BEGUN + PIECE)
    await asking
    assert await anext(stream) == b"abc"
    stream.wait_at_most(timedelta(seconds=2))
    reading = asyncio.ensure_future(stream.__anext__())
    await turns()
    wire.loop.advance(3)
    with pytest.raises(ResponseTimeoutError, match="nothing new for 2 s"):
        await reading


async def test_the_whole_answer_is_limited_from_when_the_request_was_sent() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    total = Timeouts(connect=timedelta(1), read=timedelta(seconds=READ_S), total=timedelta(seconds=40))
    task = wire.ask(connection, timeouts=total)
    await turns()
    transport.arrive(BEGUN)
    for _ in range(41):
        wire.loop.advance(1)
        transport.arrive(PIECE)
        await turns()
    with pytest.raises(ResponseTimeoutError, match="not complete within 40 s"):
        await task


async def test_a_peer_waits_while_its_answer_is_not_read() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(BEGUN)
    await asking
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    transport.arrive(*[chunk] * 20)
    assert not transport.reading
    assert MUCH_BYTES < connection.unread_bytes <= MUCH_BYTES + 2 * 0x10000
    got = 0
    while connection.unread_bytes > LITTLE_BYTES:
        assert not bool(transport.reading)
        got += len(await anext(stream))
    await turns()
    transport.arrive(b"0\r\n\r\n")
    async for piece in stream:
        got += len(piece)
        await turns()
    assert got == 20 * 0x10000


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES])
async def test_a_body_leaves_whole_behind_its_head(size: int) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    task = wire.ask(connection, request=post(size))
    await turns()
    assert transport.written == HEAD + bytes(size)
    transport.arrive(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await task).status == 204


async def test_a_large_body_waits_for_a_peer_that_is_behind_and_each_slice_has_its_own_limit() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    transport.deaf = True
    task = wire.ask(connection, request=post(3 * SLICE_BYTES))
    for sent in (1, 2, 3):
        await turns()
        assert len(transport.written) == len(HEAD) + sent * SLICE_BYTES
        wire.loop.advance(READ_S - 1)
        transport.take_all()
        transport.deaf = sent < 2
    await turns()
    transport.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (await task).status == 200
    assert wire.pool.take(connection.key) is connection


async def test_a_peer_that_never_reads_the_body_is_told_as_silent() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    transport.deaf = True
    task = wire.ask(connection, request=post(3 * SLICE_BYTES))
    await turns()
    wire.loop.advance(READ_S + 1)
    with pytest.raises(ResponseTimeoutError, match="nothing came for 30 s"):
        await task


async def test_an_answer_that_comes_before_the_body_has_left_is_the_answer() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    transport.deaf = True
    task = wire.ask(connection, request=post(10 * SLICE_BYTES))
    await turns()
    transport.arrive(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nless")
    answer = await task
    assert (answer.status, answer.body) == (413, b"less")
    assert len(transport.written) == len(HEAD) + SLICE_BYTES
    assert transport.closed, "the rest of the body would be taken for the next request"


async def test_a_stream_that_was_closed_cannot_be_waited_for() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    stream = wire.stream(connection, timeouts=TIMEOUTS)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(BEGUN)
    await asking
    await stream.aclose()
    await stream.aclose()
    assert transport.closed
    for _ in range(2):
        with pytest.raises(ConnectionLostError):
            await anext(stream)


def test_a_server_is_held_up_by_a_slow_reader(new_transport: NewTransport) -> None:
    sent = 0
    stuck = threading.Event()

    def endless(connection: WireConnection, request: WireRequest) -> None:
        nonlocal sent
        connection.begin_chunked()
        while sent < 200 * 1024 * 1024:
            connection.chunk(bytes(64 * 1024))
            sent += 64 * 1024
        stuck.set()

    client = new_transport()
    with WireServer(endless) as server:
        stream = client.open(server.url, timeouts=limits(read=20))
        assert next(iter(stream))
        assert not stuck.wait(0.5)
        assert sent < 64 * 1024 * 1024
        stream.close()

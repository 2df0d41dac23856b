"""Which connections are used again: only such as have nothing of an earlier exchange on them, and for a while."""

import asyncio
import socket

import pytest

from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.pool import IDLE_S
from domain.errors import ConnectionLostError
from domain.http import HttpRequest, HttpResponse
from tests.adapters.transport.httptools_exchanges import GET, HEAD, KEY, Wire, turns
from tests.fakes.socket_transport import FakeSocketTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def answered(wire: Wire, answer: bytes = OK) -> tuple[Connection, FakeSocketTransport]:
    """A connection whose exchange is over."""
    connection, transport = wire.connect()
    task = wire.ask(connection)
    await turns()
    transport.arrive(answer)
    await task
    return connection, transport


async def test_the_last_connection_given_back_is_the_first_used_again(wire: Wire) -> None:
    tasks: list[asyncio.Task[HttpResponse]] = []
    pairs = [wire.connect() for _ in range(3)]
    for connection, _ in pairs:
        tasks.append(wire.ask(connection))
    await turns()
    for (_, transport), task in zip(pairs, tasks, strict=True):
        transport.arrive(OK)
        await task
    assert [wire.pool.take(KEY) for _ in range(4)] == [pairs[2][0], pairs[1][0], pairs[0][0], None]


async def test_only_so_many_are_kept_and_the_oldest_goes() -> None:
    wire = Wire(idle_per_key=2)
    pairs = [wire.connect() for _ in range(3)]
    tasks = [wire.ask(connection) for connection, _ in pairs]
    await turns()
    for _, transport in pairs:
        transport.arrive(OK)
        await turns()
    await asyncio.gather(*tasks)
    assert [transport.closed for _, transport in pairs] == [True, False, False]
    assert len(list(wire.pool.idle)) == 2


async def test_another_origin_or_way_has_connections_of_its_own(wire: Wire) -> None:
    await answered(wire)
    scheme, host, port, proxied = KEY
    assert wire.pool.take((scheme, host, port + 1, proxied)) is None
    assert wire.pool.take((scheme, host, port, not proxied)) is None
    assert wire.pool.take(("https", host, port, proxied)) is None
    assert wire.pool.take(KEY) is not None


async def test_a_connection_that_was_idle_for_too_long_is_closed(wire: Wire) -> None:
    _, transport = await answered(wire)
    wire.loop.advance(IDLE_S - 1)
    assert not transport.is_closing()
    wire.loop.advance(2)
    assert transport.closed
    assert not list(wire.pool.idle)


async def test_a_connection_too_old_is_not_used_even_before_it_is_swept_away(wire: Wire) -> None:
    _, transport = await answered(wire)
    wire.loop.now += IDLE_S
    assert wire.pool.take(KEY) is None
    assert transport.closed


@pytest.mark.parametrize(("told", "after_s"), [(b"timeout=5, max=100", 4), (b"timeout=1", 0), (b"timeout=600", IDLE_S)])
async def test_a_server_that_tells_how_long_it_keeps_a_connection_is_believed(
    wire: Wire, told: bytes, after_s: float
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: " + told + b"\r\n\r\n"
    connection, _ = await answered(wire, answer)
    assert connection.usable_until == wire.loop.now + after_s


async def test_the_sweep_goes_on_as_long_as_there_is_something_to_sweep(wire: Wire) -> None:
    _, first = await answered(wire)
    wire.loop.advance(IDLE_S / 2)
    second_connection, second = wire.connect()
    task = wire.ask(second_connection)
    await turns()
    second.arrive(OK)
    await task
    wire.loop.advance(IDLE_S / 2)
    assert (first.closed, second.closed) == (True, False)
    wire.loop.advance(IDLE_S)
    assert second.closed
    assert not [timer for timer in wire.loop.timers if not timer.cancelled]


@pytest.mark.parametrize(
    "answer",
    [
        OK[:-2] + b"okHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
        OK + b"x",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: y\r\n\r\n",
    ],
)
async def test_an_answer_after_which_nothing_is_certain_ends_its_connection(wire: Wire, answer: bytes) -> None:
    _, transport = await answered(wire, answer)
    assert transport.closed
    assert wire.pool.take(KEY) is None


async def test_an_answer_to_head_has_no_body_whatever_it_declares(wire: Wire) -> None:
    connection, transport = wire.connect()
    task = wire.ask(connection, request=HttpRequest(method="HEAD", url=GET.url))
    await turns()
    transport.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert (await task).body == b""
    assert transport.closed


async def test_words_that_nobody_asked_for_end_an_idle_connection(wire: Wire) -> None:
    _, transport = await answered(wire)
    transport.arrive(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert transport.closed
    assert wire.pool.take(KEY) is None


async def test_a_server_that_speaks_first_is_not_asked(wire: Wire) -> None:
    """What it says would be taken for the answer."""
    connection, transport = wire.connect()
    transport.arrive(OK)
    assert transport.closed
    assert connection.write(HEAD) is False


@pytest.mark.parametrize("unread", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""])
async def test_a_socket_that_is_readable_is_not_used_though_the_loop_has_not_told_yet(
    wire: Wire, unread: bytes
) -> None:
    here, there = socket.socketpair()
    with here, there:
        connection = wire.pool.new(KEY)
        transport = FakeSocketTransport(connection, sock=here)
        task = wire.ask(connection)
        await turns()
        transport.arrive(OK)
        await task
        assert connection.is_fresh()
        if unread:
            there.sendall(unread)
        else:
            there.shutdown(socket.SHUT_WR)
        assert wire.pool.take(KEY) is None
        assert transport.closed


async def test_a_request_that_the_socket_takes_nothing_of_is_told_as_such(wire: Wire) -> None:
    connection, transport = await answered(wire)
    transport.refuses = True
    assert wire.pool.take(KEY) is connection
    connection.begin(bodiless=False)
    assert connection.write(b"POST /") is False
    connection, transport = wire.connect()
    transport.lose()
    assert connection.write(b"POST /") is False


async def test_a_stream_left_when_its_answer_has_come_whole_gives_its_connection_back(wire: Wire) -> None:
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(OK)
    await asking
    await stream.aclose()
    with pytest.raises(ConnectionLostError, match="closed here before its end"):
        await anext(stream)
    assert wire.pool.take(KEY) is connection


async def test_a_connection_that_was_read_from_too_slowly_is_read_again_for_the_next_exchange(wire: Wire) -> None:
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000)
    await asking
    was_read = transport.reading
    await stream.aclose()
    assert (was_read, transport.reading) == (False, True)
    assert wire.pool.take(KEY) is connection


async def test_the_end_of_the_pool_closes_all_connections_and_breaks_what_runs_on_them(wire: Wire) -> None:
    _, idle = await answered(wire)
    connection, busy = wire.connect()
    task = wire.ask(connection)
    await turns()
    await wire.pool.aclose()
    assert (idle.closed, busy.closed) == (True, True)
    with pytest.raises(ConnectionLostError):
        await task
    await wire.pool.aclose()


async def test_a_reader_woken_late_leaves_the_next_exchange_of_its_connection_alone(wire: Wire) -> None:
    """The answer comes, the stream is closed and its connection taken anew, all before the reader's turn."""
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asking

    async def read_on() -> bytes:
        return await anext(stream)

    reader = asyncio.ensure_future(read_on())
    await turns()
    transport.arrive(b"2\r\nok\r\n0\r\n\r\n")
    await stream.aclose()
    assert wire.pool.take(KEY) is connection
    fresh = wire.stream(connection)
    asked = fresh.ask(HEAD, GET)
    asked.send(None)  # begins to wait at once
    with pytest.raises(ConnectionLostError):
        await reader
    transport.arrive(OK)
    with pytest.raises(StopIteration):
        asked.send(None)
    assert await anext(fresh) == b"ok"
    await fresh.aclose()

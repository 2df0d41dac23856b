"""How an answer that is followed ends: who is told of it, in which words, and what becomes of its connection."""

import asyncio
import gc
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.transport.httptools.followed import HttptoolsFollowedStream
from adapters.transport.httptools.transport import HttptoolsTransport
from domain.errors import ConnectionLostError, NotConnectedError, ResponseTimeoutError
from domain.http import HttpRequest, Route
from tests.adapters.transport.conftest import PATIENT, free_port
from tests.adapters.transport.following import NewsStream, followed
from tests.adapters.transport.httptools_exchanges import GET, HEAD, KEY, PEER, READ_S, TIMEOUTS, Wire, turns
from tests.adapters.transport.test_httptools_followed import CHUNKED, OK, THREE, dialled
from tests.adapters.transport.test_not_connected import unresponsive_port
from tests.fakes.socket_transport import FakeSocketTransport
from tests.fakes.wire_server import WireServer

Ending = Callable[[FakeSocketTransport], None]


def reset(transport: FakeSocketTransport) -> None:
    transport.lose(ConnectionResetError())


@pytest.fixture
async def transport(system_tls: ssl.SSLContext) -> AsyncIterator[HttptoolsTransport]:
    transport = HttptoolsTransport(proxy_url=None, tls=system_tls)
    yield transport
    await transport.aclose()


# The connection is lost.


@pytest.mark.parametrize("ending", [FakeSocketTransport.end, reset])
@pytest.mark.parametrize("said", [b"", OK, CHUNKED, CHUNKED + b"1\r\na\r\n"])
async def test_a_connection_that_is_lost_is_told_at_once_and_for_good(said: bytes, ending: Ending) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    if said:
        transport.arrive(said)
    told = reader.told
    ending(transport)
    assert reader.told > told
    assert isinstance(reader.failure, ConnectionLostError)
    assert reader.failure.__cause__ is not None
    assert reader.stream.failure() is reader.failure
    assert (reader.stream.going_on(), reader.stream.over()) == (False, False)
    with pytest.raises(ConnectionLostError) as caught:
        await reader.stream.head()
    assert caught.value is reader.failure


@pytest.mark.parametrize(("said", "words"), [(b"", "without an answer"), (CHUNKED, "before it was complete")])
async def test_whoever_comes_back_to_a_lost_connection_learns_what_became_of_it(said: bytes, words: str) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    reader.stream.unfollow()
    if said:
        transport.arrive(said)
    transport.end()
    reader.stream.follow(reader.look)
    wire.loop.advance(2 * READ_S)
    reader.look()
    assert isinstance(reader.failure, ConnectionLostError), "and not that it was silent for too long"
    assert words in str(reader.failure)


async def test_a_body_that_only_the_end_of_its_connection_ends_is_over_with_it() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(OK + b"\r\nab")
    transport.arrive(b"c")
    assert (reader.pieces, reader.over) == ([b"ab", b"c"], False)
    transport.end()
    assert (reader.over, reader.failure) == (True, None)
    assert wire.pool.take(KEY) is None


@pytest.mark.parametrize("more", [b"x", THREE + b"abc"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_words_after_the_answer_leave_it_whole_and_end_its_connection(more: bytes, at_once: bool) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(*([THREE + b"abc" + more] if at_once else [THREE + b"abc", more]))
    await turns()
    assert (reader.pieces, reader.over, reader.failure) == ([b"abc"], True, None)
    assert transport.closed
    assert wire.pool.take(KEY) is None


async def test_what_is_not_http_is_told_and_ends_the_connection() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(b"SSH-2.0-OpenSSH\r\n")
    assert isinstance(reader.failure, ConnectionLostError)
    assert "not valid HTTP" in str(reader.failure)
    assert transport.closed


async def test_a_coded_body_may_be_taken_as_it_came() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    body = gzip.compress(b"plain")
    transport.arrive(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (reader.stream.coded, reader.pieces, reader.over) == (True, [body], True)
    assert wire.pool.take(KEY) is connection


# It takes too long.


async def test_an_answer_that_goes_on_for_longer_than_all_of_it_may_take_is_too_late() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    stream = HttptoolsFollowedStream(
        connection,
        now=wire.loop.time,
        peer=PEER,
        timeouts=replace(TIMEOUTS, total=timedelta(seconds=READ_S + 1)),
        release=wire.pool.give,
    )
    assert stream.sent(HEAD, GET)
    news: list[bytes] = []
    stream.follow(lambda: news.append(stream.taken()) if stream.begun() else None)
    transport.arrive(CHUNKED)
    for _ in range(3):
        wire.loop.advance(READ_S / 3)
        transport.arrive(b"1\r\na\r\n")
    assert stream.failure() is None
    wire.loop.advance(2)
    failure = stream.failure()
    assert isinstance(failure, ResponseTimeoutError)
    assert "not complete within 31 s" in str(failure)
    assert b"".join(news) == b"aaa"
    assert transport.closed


async def test_an_answer_that_is_complete_cannot_be_too_late() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    reader.stream.follow(lambda: None)
    transport.arrive(THREE + b"abc")
    wire.loop.advance(10 * READ_S)
    assert (reader.stream.failure(), reader.stream.whole()) == (None, b"abc")
    assert reader.stream.begun()
    assert reader.stream.taken() == b"abc"
    assert reader.stream.over()


async def test_what_came_while_nobody_followed_was_no_silence() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    wire.loop.advance(READ_S - 1)
    reader.stream.unfollow()
    transport.arrive(OK)
    head = asyncio.ensure_future(reader.stream.head())
    await turns()
    wire.loop.advance(READ_S - 1)
    await turns()
    assert not head.done()
    transport.arrive(b"Content-Length: 0\r\n\r\n")
    await head
    assert reader.stream.status == 200


# Somebody leaves it.


@pytest.mark.parametrize("handed_over", [False, True])
@pytest.mark.parametrize("said", [b"", CHUNKED])
async def test_whoever_has_left_an_answer_has_no_more_news_of_it(said: bytes, handed_over: bool) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    if said:
        transport.arrive(said)
    told = reader.told
    taking_over = None
    if handed_over:
        taking_over = asyncio.ensure_future(reader.stream.head())
        await turns()
    else:
        reader.stream.unfollow()
    transport.arrive(*([CHUNKED] if not said else []), b"1\r\na\r\n", b"0\r\n\r\n")
    await turns()
    wire.loop.advance(10 * READ_S)
    if taking_over is not None:
        await taking_over
        assert await reader.stream.read_whole(10) == b"a"
    reader.stream.close()
    await turns()
    assert reader.told == told


async def test_whoever_is_cancelled_while_waiting_for_news_closes_the_answer() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    waiting = asyncio.ensure_future(NewsStream(followed(wire, connection).stream).head())
    await turns()
    waiting.cancel()
    await turns()
    assert (waiting.cancelled(), transport.closed) == (True, True)


# It never gets a connection.


async def test_a_new_connection_that_is_gone_at_once_is_told_to_the_follower() -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    news: list[object] = []
    stream.follow(lambda: news.append(stream.failure()))
    connection, transport = wire.connect()
    transport.refuses = True
    connecting.set_result(connection)
    await turns()
    assert [type(each) for each in news] == [NotConnectedError]


@pytest.mark.parametrize("turns_before", [0, 3])
async def test_an_answer_that_was_closed_while_it_was_dialled_is_told_as_left(turns_before: int) -> None:
    wire = Wire()
    stream, _ = dialled(wire)
    news: list[object] = []
    stream.follow(lambda: news.append(stream.failure()))
    await turns(turns_before)
    stream.close()
    stream.close()
    await turns()
    assert news == []
    assert isinstance(stream.failure(), ConnectionLostError)
    with pytest.raises(ConnectionLostError, match="closed here"):
        await stream.head()
    # A dial that was never begun would be told by its RuntimeWarning.
    gc.collect()


@pytest.mark.parametrize("turns_before", [0, 5])
async def test_closing_calls_off_a_dial_and_leaves_no_socket_and_no_task(
    transport: HttptoolsTransport, turns_before: int
) -> None:
    others = asyncio.all_tasks()
    with unresponsive_port() as port:
        request = HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/")
        stream = transport.ask_at_once(request, route=Route.DIRECT, timeouts=PATIENT)
        assert stream is not None
        await turns(turns_before)
        stream.close()
        await turns(5)
        assert asyncio.all_tasks() == others
    gc.collect()  # a socket left open would be told by its ResourceWarning


async def test_a_port_where_nobody_listens_is_told_by_news_and_to_those_who_wait(
    transport: HttptoolsTransport,
) -> None:
    request = HttpRequest(method="GET", url=f"http://127.0.0.1:{free_port()}/")
    stream = transport.ask_at_once(request, route=Route.DIRECT, timeouts=PATIENT)
    assert stream is not None
    with pytest.raises(NotConnectedError) as told:
        await NewsStream(stream).head()
    with pytest.raises(NotConnectedError) as waited:
        await stream.head()
    assert waited.value is told.value is stream.failure()


async def test_a_kept_connection_that_takes_nothing_of_a_request_is_passed_over(
    transport: HttptoolsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WireServer() as server:
        request = HttpRequest(method="POST", url=server.url, body=b"{}")
        for _ in range(2):
            asked = transport.ask_at_once(request, route=Route.DIRECT, timeouts=PATIENT)
            assert asked is not None
            stream = NewsStream(asked)
            await stream.head()
            assert [piece async for piece in stream] == [b"ok"]
            (idle,) = transport.pool.idle
            monkeypatch.setattr(idle, "is_fresh", lambda: True)  # as if it had gone a moment later
            idle.abort()
        assert [request.connection for request in server.requests] == [0, 1]

"""An answer that is followed: news in place of a wait, and nothing of it lost when it is left to somebody who waits."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.followed import HttptoolsFollowedStream
from adapters.transport.outgoing import SLICE_BYTES
from domain.errors import ConnectionLostError, NotConnectedError, ResponseTimeoutError
from domain.http import HttpRequest, Route
from tests.adapters.transport.conftest import PATIENT
from tests.adapters.transport.following import HandedOverTransport, followed, outcome_followed
from tests.adapters.transport.httptools_exchanges import GET, HEAD, PEER, READ_S, TIMEOUTS, Wire, outcome_of, turns
from tests.adapters.transport.test_httptools_hostile import alike, cuts, hostile, in_pieces

OK = b"HTTP/1.1 200 OK\r\n"
THREE = OK + b"Content-Length: 3\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=400, deadline=None)
@given(data=hostile, at=cuts, cut=st.booleans(), method=st.sampled_from(["GET", "HEAD"]))
def test_any_bytes_in_any_pieces_come_to_the_same_whether_they_are_followed_or_awaited(
    runner: asyncio.Runner, data: bytes, at: list[int], cut: bool, method: str
) -> None:
    async def both() -> None:
        awaited = await outcome_of([data], cut=cut, method=method)
        told = await outcome_followed(in_pieces(data, at), cut=cut, method=method)
        # Whoever follows gets a coded body as it came.
        assert b"Content-Encoding" in data or alike(awaited, told), (awaited, told)

    runner.run(both())


async def test_there_is_news_of_the_head_of_each_piece_and_of_the_end() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    seen: list[tuple[bool, int, bool]] = []
    for piece in (CHUNKED[:20], CHUNKED[20:], b"1\r\na\r\n", b"2\r\nbc\r\n", b"0\r\n\r\n"):
        before = reader.told
        transport.arrive(piece)
        assert reader.told > before
        seen.append((reader.stream.begun(), len(reader.pieces), reader.over))
    assert seen == [(False, 0, False), (True, 0, False), (True, 1, False), (True, 2, False), (True, 2, True)]
    assert wire.pool.take(connection.key) is connection, "it has been given back"


async def test_a_whole_body_can_be_looked_at_without_being_taken() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    reader.stream.unfollow()
    transport.arrive(THREE + b"ab")
    assert (reader.stream.whole(), reader.stream.unread, reader.stream.going_on()) == (None, 2, True)
    transport.arrive(b"c")
    assert (reader.stream.whole(), reader.stream.unread, reader.stream.going_on()) == (b"abc", 3, False)
    await reader.stream.head()
    assert await reader.stream.read_whole(10) == b"abc"


async def test_a_complete_answer_that_nobody_takes_leaves_a_clean_connection() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    first = followed(wire, connection)
    first.stream.unfollow()
    transport.arrive(THREE + b"abc")
    first.stream.close()
    first.stream.close()
    again = wire.pool.take(connection.key)
    assert again is connection
    second = followed(wire, connection)
    transport.arrive(THREE + b"xyz")
    assert second.pieces == [b"xyz"]


@pytest.mark.parametrize("said", [b"", OK, CHUNKED, CHUNKED + b"1\r\na\r\n"])
async def test_an_answer_that_is_closed_early_takes_its_connection_with_it_and_there_is_no_more_news(
    said: bytes,
) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(said)
    told = reader.told
    reader.stream.close()
    await turns()
    assert (transport.closed, reader.told) == (True, told)
    assert isinstance(reader.stream.failure(), ConnectionLostError)


@pytest.mark.parametrize("said", [b"", CHUNKED, CHUNKED + b"1\r\na\r\n"])
async def test_silence_is_counted_from_the_last_byte(said: bytes) -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    wire.loop.advance(READ_S - 1)
    if said:
        transport.arrive(said)
        wire.loop.advance(2)
    failures = [reader.failure]
    wire.loop.advance(READ_S)
    failures.append(reader.failure)
    await turns()
    assert [type(each) for each in failures] == [type(None), ResponseTimeoutError]
    assert transport.closed


async def test_whoever_takes_over_waits_no_longer_than_the_first_would_have() -> None:
    wire = Wire()
    connection, _ = wire.connect()
    reader = followed(wire, connection)
    wire.loop.advance(READ_S - 1)
    told = reader.told
    reader.stream.unfollow()
    head = asyncio.ensure_future(reader.stream.head())
    await turns()
    wire.loop.advance(1.1)
    await turns()
    with pytest.raises(ResponseTimeoutError):
        await head
    assert reader.told == told, "no news for the one who has left it"


async def test_no_limit_runs_while_nobody_follows() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(CHUNKED + b"1\r\na\r\n")
    reader.stream.unfollow()
    wire.loop.advance(10 * READ_S)
    assert reader.stream.failure() is None
    reader.stream.follow(reader.look)
    transport.arrive(b"1\r\nb\r\n0\r\n\r\n")
    assert (b"".join(reader.pieces), reader.over) == (b"ab", True)


async def test_much_that_nobody_takes_makes_the_peer_wait_until_it_is_taken() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    transport.arrive(CHUNKED)
    reader.stream.unfollow()
    many = 300 * 1024
    transport.arrive(b"%x\r\n%b\r\n" % (many, b"x" * many))
    assert not transport.reading
    assert len(reader.stream.taken()) == many
    assert transport.reading


async def test_what_came_before_a_break_is_taken_before_it_is_told() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    reader.stream.unfollow()
    transport.arrive(CHUNKED + b"1\r\na\r\n")
    transport.end()
    await turns()
    assert reader.stream.begun()
    assert reader.stream.failure() is None
    assert not reader.stream.going_on()
    assert reader.stream.taken() == b"a"
    assert isinstance(reader.stream.failure(), ConnectionLostError)


async def test_a_coded_body_says_so_and_is_decoded_for_those_who_iterate() -> None:
    import gzip

    wire = Wire()
    connection, transport = wire.connect()
    reader = followed(wire, connection)
    reader.stream.unfollow()
    body = gzip.compress(b"plain")
    transport.arrive(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert reader.stream.begun()
    assert reader.stream.coded
    await reader.stream.head()
    assert await reader.stream.read_whole(10) == b"plain"


# Before there is a connection.


def dialled(wire: Wire) -> tuple[HttptoolsFollowedStream, "asyncio.Future[Connection]"]:
    connecting: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def connect() -> Connection:
        return await connecting

    stream = HttptoolsFollowedStream(None, now=wire.loop.time, peer=PEER, timeouts=TIMEOUTS, release=wire.pool.give)
    stream.dial(connect(), HEAD, GET)
    return stream, connecting


async def test_a_request_is_sent_as_soon_as_there_is_a_connection() -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    news: list[bool] = []
    stream.follow(lambda: news.append(stream.begun()))
    await turns()
    assert (news, stream.failure(), stream.going_on()) == ([], None, False)
    connection, transport = wire.connect()
    connecting.set_result(connection)
    await turns()
    assert bytes(transport.written) == HEAD
    transport.arrive(THREE + b"abc")
    assert news[-1] is True
    assert stream.whole() == b"abc"
    stream.close()


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_connection_that_cannot_be_had_is_told_of_either_way(waiting: bool) -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    news: list[object] = []
    stream.follow(lambda: news.append(stream.failure()))
    head = asyncio.ensure_future(stream.head()) if waiting else None
    await turns()
    connecting.set_exception(NotConnectedError("unplugged"))
    await turns()
    if head is None:
        assert [type(each) for each in news] == [NotConnectedError]
        head = asyncio.ensure_future(stream.head())
    with pytest.raises(NotConnectedError, match="unplugged"):
        await head


async def test_a_new_connection_that_is_gone_at_once_took_nothing() -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    connection, transport = wire.connect()
    transport.refuses = True
    connecting.set_result(connection)
    await turns()
    assert isinstance(stream.failure(), NotConnectedError)


async def test_a_defect_while_dialling_is_told_and_nobody_waits_for_ever() -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    news: list[object] = []
    stream.follow(lambda: news.append(stream.failure()))
    connecting.set_exception(RuntimeError("a defect"))
    await turns()
    (failure,) = news
    assert isinstance(failure, NotConnectedError)
    assert isinstance(failure.__cause__, RuntimeError)


@pytest.mark.parametrize("waiting", [False, True])
async def test_whoever_leaves_while_it_is_dialled_leaves_nothing_open(waiting: bool) -> None:
    wire = Wire()
    stream, connecting = dialled(wire)
    await turns()
    if waiting:
        head = asyncio.ensure_future(stream.head())
        await turns()
        head.cancel()
    else:
        stream.close()
    await turns()
    assert connecting.cancelled()


async def test_whoever_is_cancelled_while_waiting_for_the_head_closes_it() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    head = asyncio.ensure_future(followed(wire, connection).stream.head())
    await turns()
    head.cancel()
    await turns()
    assert transport.closed


async def test_a_large_body_is_not_for_those_who_do_not_wait(system_tls: object) -> None:
    transport = HandedOverTransport(proxy_url=None, tls=system_tls)  # type: ignore[arg-type] # the fixture's
    request = HttpRequest(method="POST", url="http://127.0.0.1:9/", body=b"x" * (SLICE_BYTES + 1))
    assert transport.ask_at_once(request, route=Route.DIRECT, timeouts=PATIENT) is None
    await transport.aclose()

"""Pouring: what comes of a body goes straight to a sink, and nothing is lost, doubled or reordered by that."""

import asyncio
import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.httptools.answers import HttptoolsResponseStream
from domain.errors import ConnectionLostError, ResponseTimeoutError, TransportError
from tests.adapters.transport.httptools_exchanges import GET, HEAD, READ_S, Wire, turns
from tests.fakes.socket_transport import FakeSocketTransport

BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def opened(wire: Wire) -> tuple[HttptoolsResponseStream, FakeSocketTransport]:
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    transport.arrive(BEGUN)
    await asking
    return stream, transport


def into(got: list[bytes]) -> Callable[[bytes], bool]:
    """A sink that always wants more."""

    def sink(piece: bytes) -> bool:
        got.append(piece)
        return True

    return sink


async def read(stream: HttptoolsResponseStream, sink: Callable[[bytes], bool]) -> bytes:
    """A reader that pours as long as it can, and iterates over what is left; what iterating gave."""
    while await stream.pour(sink):
        pass
    return b"".join([piece async for piece in stream])


@given(
    words=st.lists(st.binary(min_size=1, max_size=20), max_size=8),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    answers=st.lists(st.booleans(), max_size=6),
)
def test_a_sink_gets_the_body_in_its_order_however_it_is_cut_and_however_often_it_stops(
    words: list[bytes], cuts: list[int], answers: list[bool]
) -> None:
    async def run() -> None:
        wire = Wire()
        stream, transport = await opened(wire)
        got: list[bytes] = []
        left = list(answers)

        def sink(piece: bytes) -> bool:
            got.append(piece)
            return left.pop() if left else True

        reading = asyncio.ensure_future(read(stream, sink))
        await turns()
        rest = b"".join(b"%x\r\n%s\r\n" % (len(word), word) for word in words) + b"0\r\n\r\n"
        turn = 0
        while rest:
            size = cuts[turn % len(cuts)]
            transport.arrive(rest[:size])
            rest = rest[size:]
            turn += 1
            await turns(turn % 3)
        got.append(await reading)
        assert b"".join(got) == b"".join(words)
        assert [*wire.pool.idle], "a clean connection is kept"

    asyncio.run(run())


async def test_a_sink_is_called_before_the_reader_has_its_turn() -> None:
    stream, transport = await opened(Wire())
    got: list[bytes] = []
    reading = asyncio.ensure_future(stream.pour(into(got)))
    await turns()
    transport.arrive(b"3\r\nabc\r\n3\r\ndef\r\n")
    assert got == [b"abcdef"]
    transport.arrive(b"0\r\n\r\n")
    assert not await reading


async def test_a_sink_that_has_stopped_gets_nothing_more() -> None:
    stream, transport = await opened(Wire())
    got: list[bytes] = []

    def once(piece: bytes) -> bool:
        got.append(piece)
        return False

    reading = asyncio.ensure_future(stream.pour(once))
    await turns()
    transport.arrive(b"1\r\na\r\n")
    transport.arrive(b"1\r\nb\r\n")
    assert await reading
    assert got == [b"a"]
    assert await anext(stream) == b"b"
    await stream.aclose()


async def test_what_a_sink_raises_is_raised_to_the_reader_and_closes_the_connection() -> None:
    stream, transport = await opened(Wire())

    def refuse(_piece: bytes) -> bool:
        raise ValueError("not for me")

    reading = asyncio.ensure_future(stream.pour(refuse))
    await turns()
    transport.arrive(b"1\r\na\r\n")
    with pytest.raises(ValueError, match="not for me"):
        await reading
    assert transport.closed


@pytest.mark.parametrize("cut", [True, False], ids=["closed", "silent"])
async def test_an_answer_that_breaks_while_it_is_poured_raises_as_it_does_for_one_who_iterates(cut: bool) -> None:
    wire = Wire()
    stream, transport = await opened(wire)
    got: list[bytes] = []
    reading = asyncio.ensure_future(read(stream, into(got)))
    await turns()
    transport.arrive(b"3\r\nabc\r\n")
    await turns()
    if cut:
        transport.end()
    else:
        wire.loop.advance(READ_S + 1)
    expected: type[TransportError] = ConnectionLostError if cut else ResponseTimeoutError
    with pytest.raises(expected):
        await reading
    assert got == [b"abc"]
    assert transport.closed


async def test_whoever_leaves_while_an_answer_is_poured_closes_the_connection() -> None:
    stream, transport = await opened(Wire())
    got: list[bytes] = []
    reading = asyncio.ensure_future(stream.pour(into(got)))
    await turns()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert transport.closed
    assert got == []


async def test_a_coded_body_is_not_poured_and_is_there_for_iterating() -> None:
    wire = Wire()
    connection, transport = wire.connect()
    stream = wire.stream(connection)
    asking = asyncio.ensure_future(stream.ask(HEAD, GET))
    await turns()
    body = gzip.compress(b"a body")
    transport.arrive(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await asking
    got: list[bytes] = []
    assert await read(stream, into(got)) == b"a body"
    assert got == []

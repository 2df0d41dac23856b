"""One object, any number of event loops: each has its own connections, and they end with it."""

import asyncio
import gc
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.httpx import HttpxTransport
from adapters.transport.per_loop import PerLoopTransport
from domain.http import HttpRequest, Route
from ports.transport import AsyncTransport
from tests.adapters.transport.conftest import PATIENT
from tests.fakes.transport import FakeAsyncTransport, Scripted
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

NewLoop = Callable[[], asyncio.AbstractEventLoop]
NewTransport = Callable[..., AsyncTransport]


@pytest.fixture(params=[HttpxTransport, HttptoolsTransport])
def new(request: pytest.FixtureRequest) -> NewTransport:
    made: NewTransport = request.param
    return made


@pytest.fixture
def transport(new: NewTransport, system_tls: ssl.SSLContext) -> PerLoopTransport:
    return PerLoopTransport(lambda: new(proxy_url=None, tls=system_tls))


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as server:
        yield server


@pytest.fixture
def forgetful() -> Iterator[None]:
    """For loops that are thrown away with open sockets: asyncio warns of those, as it should."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


async def read(transport: PerLoopTransport, server: WireServer) -> bytes:
    stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT)
    try:
        return b"".join([piece async for piece in stream])
    finally:
        await stream.aclose()


def get(server: WireServer) -> HttpRequest:
    return HttpRequest(method="GET", url=server.url)


def test_each_asyncio_run_has_its_connections_and_closes_them(transport: PerLoopTransport, server: WireServer) -> None:
    for run in range(3):
        assert asyncio.run(read(transport, server)) == b"ok"
        assert len(server.connections) == run + 1
        assert server.connections[run].closed.wait(1), "closed by the end of the loop"
        assert transport.loops == 0
    gc.collect()  # a socket left open would warn now


def test_a_secure_connection_ends_with_its_loop_too(
    new: NewTransport, server_tls: ssl.SSLContext, company_tls: ssl.SSLContext
) -> None:
    transport = PerLoopTransport(lambda: new(proxy_url=None, tls=company_tls))
    with WireServer(tls=server_tls) as server:
        for _ in range(2):
            assert asyncio.run(read(transport, server)) == b"ok"
        assert all(connection.closed.wait(1) for connection in server.connections)
    gc.collect()


def test_within_a_loop_a_connection_is_used_again(transport: PerLoopTransport, server: WireServer) -> None:
    with asyncio.Runner() as runner:
        for _ in range(3):
            assert runner.run(read(transport, server)) == b"ok"
    assert len(server.connections) == 1
    assert server.connections[0].closed.wait(1)


def test_tasks_that_come_first_together_share_one_transport() -> None:
    made: list[FakeAsyncTransport] = []

    def new() -> FakeAsyncTransport:
        made.append(FakeAsyncTransport(lambda _request, _route: Scripted(pieces=(b"ok",))))
        return made[-1]

    transport = PerLoopTransport(new)
    request = HttpRequest(method="GET", url="http://upstream.test/")

    async def ask() -> None:
        await transport.send(request, route=Route.DIRECT, timeouts=PATIENT, max_bytes=9)

    async def crowd() -> None:
        await asyncio.gather(*[ask() for _ in range(50)])

    asyncio.run(crowd())
    asyncio.run(crowd())
    assert [(len(each.exchanges), each.closed) for each in made] == [(50, True), (50, True)]


def test_loops_in_several_threads_at_once_do_not_disturb_each_other(
    transport: PerLoopTransport, server: WireServer
) -> None:
    together = threading.Barrier(8)

    async def ask() -> list[bytes]:
        first = await read(transport, server)
        await asyncio.to_thread(together.wait, 20)
        return [first, await read(transport, server)]

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(asyncio.run, ask()) for _ in range(8)]
        assert [answer.result(30) for answer in answers] == [[b"ok", b"ok"]] * 8
    assert len(server.connections) == 8
    assert all(connection.closed.wait(1) for connection in server.connections)
    assert transport.loops == 0


def test_aclose_closes_the_running_loops_connections_and_no_others(
    transport: PerLoopTransport, server: WireServer
) -> None:
    with asyncio.Runner() as other, asyncio.Runner() as runner:
        other.run(read(transport, server))
        runner.run(read(transport, server))
        runner.run(transport.aclose())
        runner.run(transport.aclose())
        assert server.connections[1].closed.wait(1)
        assert not server.connections[0].closed.is_set()
        assert other.run(read(transport, server)) == b"ok"
        assert runner.run(read(transport, server)) == b"ok", "a later use opens a new one"
        assert len(server.connections) == 3
    assert transport.loops == 0


def test_a_stream_left_half_read_ends_with_its_loop(transport: PerLoopTransport) -> None:
    def endless(connection: WireConnection, request: WireRequest) -> None:
        connection.begin_chunked()
        connection.chunk(b"first")
        connection.pause()

    left: list[object] = []

    async def leave(server: WireServer) -> None:
        stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT)
        left.append(stream)
        assert await anext(aiter(stream)) == b"first"

    with WireServer(endless) as server:
        asyncio.run(leave(server))
        assert server.closed.wait(1)
    left.clear()
    gc.collect()


def uvloop() -> asyncio.AbstractEventLoop:
    new: NewLoop = pytest.importorskip("uvloop").new_event_loop  # not on every system
    return new()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    ("new_loop", "closed"),
    # An unclosed loop of uvloop outlives everything, with or without us.
    [(asyncio.new_event_loop, True), (asyncio.new_event_loop, False), (uvloop, True)],
)
def test_a_loop_thrown_away_takes_its_connections_with_it(
    transport: PerLoopTransport, server: WireServer, new_loop: NewLoop, closed: bool
) -> None:
    def use_and_throw_away() -> None:
        loop = new_loop()
        assert loop.run_until_complete(read(transport, server)) == b"ok"
        if closed:
            loop.close()

    for _ in range(30):
        use_and_throw_away()
    gc.collect()
    gc.collect()
    assert transport.loops == 0
    assert all(connection.closed.wait(1) for connection in server.connections)
    assert asyncio.run(read(transport, server)) == b"ok"


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop])
def test_thousands_of_loops_leave_nothing_behind(new_loop: NewLoop) -> None:
    made = 0

    def new() -> FakeAsyncTransport:
        nonlocal made
        made += 1
        return FakeAsyncTransport(lambda _request, _route: Scripted(pieces=(b"ok",)))

    transport = PerLoopTransport(new)
    request = HttpRequest(method="GET", url="http://upstream.test/")
    most = 0
    for _ in range(2000):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(transport.send(request, route=Route.DIRECT, timeouts=PATIENT, max_bytes=9))
            most = max(most, transport.loops)
    assert (made, most, transport.loops) == (2000, 1, 0)

"""What asyncio alone can do to an exchange: cancel it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.httpx import HttpxTransport
from adapters.transport.tls import tls_context
from domain.errors import ConnectionLostError
from domain.http import HttpRequest, Route
from ports.transport import AsyncTransport
from tests.adapters.transport.conftest import PATIENT, limits
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer


@pytest.fixture(params=[HttpxTransport, HttptoolsTransport])
async def transport(request: pytest.FixtureRequest, ca_file: Path) -> AsyncIterator[AsyncTransport]:
    transport: AsyncTransport = request.param(proxy_url=None, tls=tls_context([ca_file]))
    yield transport
    await transport.aclose()


def first_then_silence(connection: WireConnection, request: WireRequest) -> None:
    connection.begin_chunked()
    connection.chunk(b"first")
    connection.pause()


def silence(connection: WireConnection, request: WireRequest) -> None:
    connection.pause()


async def gone(server: WireServer) -> bool:
    return await asyncio.to_thread(server.closed.wait, 1)


async def arrived(server: WireServer) -> None:
    await asyncio.to_thread(server.wait_for_requests, 1)


@pytest.mark.parametrize("secure", [False, True])
async def test_a_cancelled_reader_closes_the_socket_at_once(
    transport: AsyncTransport, server_tls: ssl.SSLContext, secure: bool
) -> None:
    with WireServer(first_then_silence, tls=server_tls if secure else None) as server:
        reading = asyncio.Event()

        async def read() -> None:
            stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT)
            try:
                async for _ in stream:
                    reading.set()
            finally:
                await stream.aclose()

        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(server)


@pytest.mark.parametrize("quick", [False, True])
async def test_cancelling_the_wait_for_an_answer_closes_the_socket_at_once(
    transport: AsyncTransport, quick: bool
) -> None:
    with WireServer(silence) as server:
        if quick:
            waiting = transport.send(get(server), route=Route.DIRECT, timeouts=PATIENT, max_bytes=1)
            task: asyncio.Task[object] = asyncio.create_task(waiting)
        else:
            task = asyncio.create_task(transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT))
        await arrived(server)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(server)


async def test_cancelling_a_tls_handshake_closes_the_socket_at_once(transport: AsyncTransport) -> None:
    connected = asyncio.Event()
    loop = asyncio.get_running_loop()

    def say_nothing(connection: WireConnection) -> None:
        loop.call_soon_threadsafe(connected.set)
        connection.pause()

    with WireServer(on_connect=say_nothing) as server:
        request = HttpRequest(method="GET", url=f"https://{server.authority}/")
        task = asyncio.create_task(transport.open_stream(request, route=Route.DIRECT, timeouts=PATIENT))
        await connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(server)


async def test_what_a_cancelled_reader_leaves_never_looks_complete(transport: AsyncTransport) -> None:
    with WireServer(first_then_silence) as server:
        stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT)
        assert await anext(aiter(stream)) == b"first"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(stream)), 0.05)
        with pytest.raises(ConnectionLostError):
            await anext(aiter(stream))


async def test_a_stream_closed_under_its_reader_ends_with_an_error(transport: AsyncTransport) -> None:
    with WireServer(first_then_silence) as server:
        stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT)
        assert await anext(aiter(stream)) == b"first"

        async def read_on() -> bytes:
            return await anext(aiter(stream))

        reader = asyncio.create_task(read_on())
        await asyncio.sleep(0)
        await stream.aclose()
        with pytest.raises(ConnectionLostError):
            await reader
        assert await gone(server)


async def test_the_limit_of_connecting_is_over_once_the_request_has_left(transport: AsyncTransport) -> None:
    def slow(connection: WireConnection, request: WireRequest) -> None:
        connection.pause(0.6)
        connection.begin_chunked()
        connection.chunk(b"late")
        connection.end_chunked()

    with WireServer(slow) as server:
        stream = await transport.open_stream(get(server), route=Route.DIRECT, timeouts=limits(connect=0.4))
        assert [piece async for piece in stream] == [b"late"]
        await stream.aclose()


async def test_other_work_goes_on_while_an_answer_is_awaited(transport: AsyncTransport) -> None:
    with WireServer(silence) as server:
        task = asyncio.create_task(transport.open_stream(get(server), route=Route.DIRECT, timeouts=PATIENT))
        await arrived(server)
        turns = 0
        while not task.done() and turns < 100:
            await asyncio.sleep(0)
            turns += 1
        assert turns == 100
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def get(server: WireServer) -> HttpRequest:
    return HttpRequest(method="GET", url=server.url)

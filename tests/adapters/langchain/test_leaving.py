"""Whoever leaves a call hangs up: the upstream sees the end of the connection, and stops working for nobody."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser

from tests.adapters.langchain.ways import model_at, run
from tests.fakes.upstream_server import JSON, Piece, UpstreamServer, answering, silence, streaming, word
from tests.fakes.wire_server import WireConnection, WireRequest

ENDLESS: tuple[Piece, ...] = (word("a"), word("b"), WireConnection.pause)


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer(streaming(*ENDLESS)) as server:
        yield server


@pytest.fixture
def model(upstream: UpstreamServer, tmp_path: Path) -> Any:
    return model_at(upstream, tmp_path)


def hung_up(upstream: UpstreamServer) -> bool:
    return all(connection.closed.wait(5) and not connection.ended_here for connection in upstream.connections)


async def sees_the_end(upstream: UpstreamServer) -> bool:
    """While the event loop goes on, as in a program that does other things next."""
    return await asyncio.to_thread(hung_up, upstream)


def test_a_stream_that_is_closed_hangs_up(upstream: UpstreamServer, model: Any) -> None:
    with closing(model.stream("Hi")) as chunks:
        assert next(chunks).text == "a"
        assert not upstream.connections[0].closed.is_set()
    assert hung_up(upstream)


def test_a_loop_that_is_broken_off_hangs_up(upstream: UpstreamServer, model: Any) -> None:
    for chunk in model.stream("Hi"):
        assert chunk.text == "a"
        break
    assert hung_up(upstream)


def test_an_error_of_the_consumer_hangs_up(upstream: UpstreamServer, model: Any) -> None:
    def listen() -> None:
        for _ in model.stream("Hi"):
            raise LookupError("the consumer's own")

    with suppress(LookupError):
        listen()
    assert hung_up(upstream)


def test_a_stream_that_was_never_begun_asks_nothing(upstream: UpstreamServer, model: Any) -> None:
    model.stream("Hi").close()
    model.stream("Hi")
    gc.collect()
    assert upstream.requests == []


async def break_off(model: Any) -> None:
    async for _ in model.astream("Hi"):
        break


async def close(model: Any) -> None:
    async with aclosing(model.astream("Hi")) as chunks:
        await anext(chunks)


async def fail(model: Any) -> None:
    with suppress(LookupError):
        async for _ in model.astream("Hi"):
            raise LookupError("the consumer's own")


async def break_off_in_a_chain(model: Any) -> None:
    async with aclosing((model | StrOutputParser()).astream("Hi")) as chunks:
        await anext(chunks)


async def leave_events(model: Any) -> None:
    async with aclosing(model.astream_events("Hi", version="v2")) as events:
        async for event in events:
            if event["event"] == "on_chat_model_stream":
                break


@pytest.mark.parametrize("leave", [break_off, close, fail, break_off_in_a_chain, leave_events])
def test_an_asyncio_stream_that_is_left_hangs_up(
    upstream: UpstreamServer, model: Any, leave: Callable[[Any], Coroutine[Any, Any, None]]
) -> None:
    async def work() -> None:
        await leave(model)
        assert await sees_the_end(upstream)
        assert len(upstream.connections) == 1

    run(work())


async def ask(model: Any) -> None:
    await model.ainvoke("Hi")


async def listen(model: Any) -> None:
    async for _ in model.astream("Hi"):
        pass


def no_end(connection: WireConnection, _request: WireRequest) -> None:
    connection.begin_chunked(headers=JSON)
    connection.chunk(b'{"id": "chatcmpl-1", ')
    connection.pause()


@pytest.mark.parametrize("asking", [ask, listen])
@pytest.mark.parametrize("begun", [False, True], ids=["before the head", "in the middle"])
def test_a_task_that_is_cancelled_hangs_up(
    upstream: UpstreamServer, model: Any, asking: Callable[[Any], Coroutine[Any, Any, None]], *, begun: bool
) -> None:
    sent = threading.Event()
    talking = no_end if asking is ask else streaming(word("a"), lambda _connection: sent.set(), WireConnection.pause)
    upstream.behaviour = talking if begun else silence

    async def work() -> None:
        task = asyncio.create_task(asking(model))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        if begun and asking is listen:
            assert await asyncio.to_thread(sent.wait, 5)
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await sees_the_end(upstream)
        upstream.behaviour = answering
        assert (await model.ainvoke("Hi")).text == "Hello", "the model goes on"

    run(work())


def test_a_call_that_takes_too_long_for_its_caller_hangs_up(upstream: UpstreamServer, model: Any) -> None:
    upstream.behaviour = silence

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await model.ainvoke("Hi")
        assert await sees_the_end(upstream)

    run(work())


def test_of_a_group_that_fails_all_hang_up(upstream: UpstreamServer, model: Any) -> None:
    async def work() -> None:
        async def fail_once_all_have_asked() -> None:
            await asyncio.to_thread(upstream.wait_for_requests, 3)
            raise LookupError

        async def ask_together() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(listen(model))
                group.create_task(fail_once_all_have_asked())

        with pytest.raises(ExceptionGroup):
            await ask_together()
        assert await sees_the_end(upstream)

    run(work())


def test_a_loop_that_ends_takes_its_streams_with_it(upstream: UpstreamServer, model: Any) -> None:
    kept: list[Any] = []

    async def leave_it_open() -> None:
        chunks = model.astream("Hi")
        kept.append(chunks)
        await anext(chunks)

    run(leave_it_open())
    assert hung_up(upstream)


def test_a_pause_before_the_next_try_can_be_cancelled(upstream: UpstreamServer, tmp_path: Path) -> None:
    upstream.behaviour = lambda connection, _request: connection.reply(status=503, headers=(("Retry-After", "50"),))
    model = model_at(upstream, tmp_path, max_retries=3)

    async def work() -> None:
        task = asyncio.create_task(ask(model))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())
    assert len(upstream.requests) == 1

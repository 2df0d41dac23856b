"""An upstream that falls silent: before its answer, or in the middle of it, with or without signs of life."""

import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from langchain_core.exceptions import ModelTimeoutError

from tests.adapters.langchain.ways import STREAMED, WAYS, Heard, Way, hear, model_at, run
from tests.fakes.upstream_server import (
    COMMENT,
    DONE,
    HELLO,
    Piece,
    UpstreamServer,
    answering,
    chunk,
    event,
    silence,
    stop,
    streaming,
    word,
)
from tests.fakes.wire_server import WireConnection, WireRequest

ways = pytest.mark.parametrize("way", WAYS)
streamed = pytest.mark.parametrize("way", STREAMED)


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as server:
        yield server


def signs_of_life(connection: WireConnection) -> None:
    while not connection.closed.wait(0.02):
        connection.chunk(COMMENT)


@streamed
@pytest.mark.parametrize("rest", [signs_of_life, WireConnection.pause], ids=["comments", "silence"])
@pytest.mark.parametrize("beginning", [(word("Hel"),), ()], ids=["a chunk", "no chunk"])
def test_a_stream_that_stalls_is_given_up_though_comments_keep_it_alive(
    upstream: UpstreamServer, tmp_path: Path, way: Way, beginning: tuple[bytes, ...], rest: Piece
) -> None:
    upstream.behaviour = streaming(*beginning, rest)

    begun = monotonic()
    heard = hear(way, model_at(upstream, tmp_path, stream_chunk_timeout=0.2))

    assert type(heard.error) is ModelTimeoutError
    assert heard.text == ("Hel" if beginning else "")
    assert 0.2 <= monotonic() - begun < 5
    assert "for 0.2 s" in str(heard.error), "the limit is told, not what was left of it"
    assert upstream.connections[0].closed.wait(5), "the connection is closed"


@ways
@pytest.mark.parametrize("options", [{"timeout": 0.1}, {"request_timeout": (9, 0.1)}])
def test_an_upstream_that_says_nothing_is_given_up(
    upstream: UpstreamServer, tmp_path: Path, way: Way, options: dict[str, Any]
) -> None:
    upstream.behaviour = silence

    for model, more in ((model_at(upstream, tmp_path, **options), {}), (model_at(upstream, tmp_path), options)):
        begun = monotonic()
        assert type(hear(way, model, **more).error) is ModelTimeoutError
        assert 0.1 <= monotonic() - begun < 5
    assert all(connection.closed.wait(5) for connection in upstream.connections)


@streamed
def test_a_consumer_may_take_its_time(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    taken = threading.Semaphore(0)

    def wait_for_the_consumer(_connection: WireConnection) -> None:
        assert taken.acquire(timeout=10)

    upstream.behaviour = streaming(word("Hel"), wait_for_the_consumer, word("lo"), wait_for_the_consumer, stop(), DONE)
    model = model_at(upstream, tmp_path, stream_chunk_timeout=0.3)
    heard = Heard()

    def take(message: Any) -> None:
        heard.messages.append(message)
        threading.Event().wait(0.4)  # longer than the upstream may take
        taken.release()

    async def listen() -> None:
        async for message in model.astream("Hi"):
            take(message)

    if way == "stream":
        for message in model.stream("Hi"):
            take(message)
    else:
        run(listen())
    assert heard.message.text == "Hello"


@streamed
def test_an_upstream_that_thinks_longer_than_between_two_chunks_needs_a_longer_limit_only_there(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    def think_first(connection: WireConnection, request: WireRequest) -> None:
        connection.pause(0.5)
        answering(connection, request)

    upstream.behaviour = think_first
    assert hear(way, model_at(upstream, tmp_path, stream_chunk_timeout=0.4, timeout=5)).message.text == "Hello"


@streamed
def test_a_reasoning_stream_is_no_stall(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    def think(connection: WireConnection) -> None:
        connection.pause(0.07)

    thoughts: tuple[Piece, ...] = (event(chunk({"reasoning_content": "hm "})), think)
    upstream.behaviour = streaming(*thoughts * 6, *HELLO)

    assert hear(way, model_at(upstream, tmp_path, stream_chunk_timeout=0.3)).message.text == "Hello"

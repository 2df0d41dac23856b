"""The fast path: callers that leave or are slow, upstreams that are silent, and a server that stops."""

import asyncio
from datetime import timedelta

import pytest

from tests.adapters.http_api.fast_path_scene import NewScene, asked, asking, chunked, turns
from tests.adapters.http_api.serving import CHAT, STREAM
from tests.adapters.http_api.test_fast_path_alike import CHUNK, DONE, GOOD, LAST


@pytest.fixture
def _road() -> None:
    """The fast one, here."""


@pytest.mark.parametrize("said", [b"", GOOD[:40], GOOD[:-5], chunked(CHUNK, end=False)])
async def test_a_caller_that_leaves_takes_the_upstreams_connection_with_it(new_scene: NewScene, said: bytes) -> None:
    scene = new_scene()
    await asked(scene, asking(STREAM if said.endswith(CHUNK + b"\r\n") else CHAT))
    scene.upstream.connections[0].arrive(said)
    scene.caller.lose()
    await turns()
    assert scene.upstream.connections[0].closed
    assert [line["status"] for line in scene.lines] == [200 if b"delta" in said else 0]
    assert b"oca_streams_running 0.0" in scene.metrics.text()


async def test_a_caller_that_is_behind_makes_the_upstream_wait_and_loses_nothing(new_scene: NewScene) -> None:
    scene = new_scene()
    await asked(scene, asking(STREAM))
    upstream = scene.upstream.connections[0]
    scene.caller.deaf = True
    upstream.arrive(chunked(CHUNK, end=False))
    piece = CHUNK * 1000
    framed = b"%x\r\n%b\r\n" % (len(piece), piece)
    for _ in range(8):
        upstream.arrive(framed)
    await turns()
    assert scene.answers()[0].body == CHUNK, "no more is written than has been read"
    assert not upstream.reading
    scene.caller.take_all()
    await turns()
    upstream.arrive(chunked(LAST, DONE).partition(b"\r\n\r\n")[2])
    await turns()
    (answer,) = scene.answers()
    assert answer.body == CHUNK * 8001 + LAST + DONE
    assert answer.complete


async def test_a_silent_upstream_is_bridged_with_comments_on_either_road(new_scene: NewScene) -> None:
    scene = new_scene(keep_alive=timedelta(milliseconds=20))
    await asked(scene, asking(STREAM))
    async with asyncio.timeout(5):
        while b": keep-alive\n\n" not in scene.caller.written:
            await asyncio.sleep(0.001)
    assert not scene.on_fast_path, "before the first byte, the other road bridges it"
    other = new_scene(keep_alive=timedelta(milliseconds=20))
    await asked(other, asking(STREAM))
    other.upstream.connections[0].arrive(chunked(CHUNK, end=False))
    async with asyncio.timeout(5):
        while b": keep-alive\n\n" not in other.caller.written:
            await asyncio.sleep(0.001)
    assert other.on_fast_path
    other.upstream.connections[0].arrive(chunked(LAST, DONE).partition(b"\r\n\r\n")[2])
    await turns()
    (answer,) = other.answers()
    assert answer.body.replace(b": keep-alive\n\n", b"") == CHUNK + LAST + DONE
    assert answer.complete


@pytest.mark.parametrize("said", [b"", chunked(CHUNK, end=False)])
async def test_at_a_stop_a_running_answer_may_finish_and_its_connection_ends(new_scene: NewScene, said: bytes) -> None:
    scene = new_scene()
    await asked(scene, asking(STREAM))
    upstream = scene.upstream.connections[0]
    upstream.arrive(said)
    scene.protocol.shutdown()
    await turns()
    assert scene.state.tasks, "the server waits for it"
    rest = chunked(CHUNK, LAST, DONE)
    upstream.arrive(rest.partition(b"\r\n\r\n")[2] if said else rest)
    await turns()
    assert scene.answers()[0].complete
    assert scene.caller.closed
    assert not scene.state.tasks


@pytest.mark.parametrize("said", [b"", chunked(CHUNK, end=False)])
async def test_an_answer_that_outlives_the_grace_period_is_told_so(new_scene: NewScene, said: bytes) -> None:
    scene = new_scene()
    await asked(scene, asking(STREAM))
    scene.upstream.connections[0].arrive(said)
    scene.protocol.shutdown()
    await turns()
    for task in tuple(scene.state.tasks):
        task.cancel()
    await turns()
    (answer,) = scene.answers()
    assert answer.status == (200 if said else 502)
    assert b"shutting down" in answer.body
    assert answer.complete
    assert scene.upstream.connections[0].closed


async def test_a_stop_in_the_middle_of_a_body_lets_it_be_finished(new_scene: NewScene) -> None:
    scene = new_scene()
    request = asking(CHAT)
    scene.caller.arrive(request[:-10])
    scene.protocol.shutdown()
    scene.caller.arrive(request[-10:])
    await turns()
    scene.upstream.connections[0].arrive(GOOD)
    await turns()
    assert scene.answers()[0].status == 200
    assert scene.answers()[0].headers["connection"] == "close"


async def test_the_rest_of_an_answer_after_its_last_event_is_read_so_that_its_connection_can_be_used_again(
    new_scene: NewScene,
) -> None:
    scene = new_scene()
    await asked(scene, asking(STREAM))
    stream = chunked(CHUNK, LAST, DONE)
    scene.upstream.connections[0].arrive(stream.removesuffix(b"0\r\n\r\n"))
    await turns()
    assert scene.answers()[0].complete, "the caller does not wait for it"
    scene.upstream.connections[0].arrive(b"0\r\n\r\n")
    await turns()
    assert await asked(scene, asking(CHAT))
    assert len(scene.upstream.connections) == 1

"""The fast path: what it takes, what it leaves, and what becomes of a request while it is under way."""

import asyncio
import json

import pytest

from domain.errors import NotConnectedError
from domain.tokens import TokenSet
from tests.adapters.http_api.fast_path_scene import TOKEN, NewScene, Scene, asked, asking, chunked, turns, whole
from tests.adapters.http_api.serving import CHAT, STREAM
from tests.adapters.http_api.test_fast_path_alike import CHUNK, DONE, GOOD, LAST
from tests.domain.test_flows import HOUR, LOGIN


@pytest.fixture
def _road() -> None:
    """The fast one, here."""


@pytest.mark.parametrize("body", [CHAT, STREAM, {"messages": CHAT["messages"]}])
async def test_a_plain_request_is_answered_without_a_task(new_scene: NewScene, body: object) -> None:
    scene = new_scene()
    assert await asked(scene, asking(body))
    scene.upstream.connections[0].arrive(chunked(CHUNK, LAST, DONE) if body is STREAM else GOOD)
    assert scene.on_fast_path
    (answer,) = scene.answers()
    assert (answer.status, answer.complete) == (200, True)
    assert f"Authorization: Bearer {TOKEN}".encode() in next(scene.asked())


@pytest.mark.parametrize(
    "request_",
    [
        asking(CHAT, path=b"/v1/models"),
        asking(CHAT, b"Origin: http://localhost:3000"),
        asking(CHAT, b"Sec-Fetch-Site: same-origin"),
        asking(CHAT, b"Expect: 100-continue"),
        asking(CHAT, b"Content-Encoding: gzip"),
        asking(CHAT, b"Connection: close"),
        asking(CHAT).replace(b"HTTP/1.1", b"HTTP/1.0"),
        asking(CHAT).replace(b"POST", b"PUT"),
        asking(CHAT).replace(b"application/json", b"application/json; charset=utf-8"),
        asking(CHAT).replace(b"127.0.0.1:8000", b"evil.example"),
        asking(b"nonsense"),
        asking({}),
        asking({**CHAT, "filler": "x" * 300_000}),
    ],
)
async def test_what_is_not_plain_goes_over_asgi(new_scene: NewScene, request_: bytes) -> None:
    assert not await asked(new_scene(), request_)


async def test_a_caller_without_the_key_is_refused_before_its_body_has_come(new_scene: NewScene) -> None:
    scene = new_scene(api_keys=("k",))
    head, _, _ = asking(CHAT).partition(b"\r\n\r\n")
    scene.caller.arrive(head + b"\r\n\r\n")
    await turns()
    assert scene.answers()[0].status == 401
    other = new_scene(api_keys=("k",))
    assert await asked(other, asking(CHAT, b"Authorization: Bearer k"))


async def test_a_token_that_has_to_be_renewed_first_is_not_for_the_fast_path(new_scene: NewScene) -> None:
    scene = new_scene(credential=LOGIN)
    assert not await asked(scene, asking(CHAT))
    assert scene.ports.asked.wait(5), "it is renewed on the other road"


async def test_a_refused_token_is_renewed_and_the_request_repeated_once(new_scene: NewScene) -> None:
    scene = new_scene(credential=LOGIN)
    now = scene.ports.clock.now()
    scene.ports.store.stored = TokenSet(
        access_token="refused-by-the-upstream", refresh_token="rt0", expires_at=now + HOUR, issued_at=now
    )
    assert await asked(scene, asking(CHAT))
    scene.upstream.connections[0].arrive(whole(b'{"error":"no"}', status=b"401 Unauthorized"))
    async with asyncio.timeout(5):
        while (sent := next(scene.asked())).count(b"POST ") < 2:
            await asyncio.sleep(0.001)
    first, second = sent.split(b"POST ")[1:]
    assert b"Bearer refused-by-the-upstream" in first
    assert b"Bearer refused-by-the-upstream" not in second
    assert first.partition(b"\r\n\r\n")[2] == second.partition(b"\r\n\r\n")[2]
    scene.upstream.connections[0].arrive(GOOD)
    await turns()
    assert [answer.status for answer in scene.answers()] == [200]
    assert len(scene.lines) == 1


async def test_an_upstream_that_cannot_be_reached_is_a_bad_gateway_and_the_route_is_forgotten(
    new_scene: NewScene,
) -> None:
    scene = new_scene()
    scene.upstream.refusal = NotConnectedError("unplugged")
    await asked(scene, asking(CHAT))
    (answer,) = scene.answers()
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "upstream_unreachable")
    assert not scene.ports.routes.known


async def test_the_next_request_takes_the_same_connections(new_scene: NewScene) -> None:
    scene = new_scene()
    for count in (1, 2, 3):
        assert await asked(scene, asking(CHAT))
        scene.upstream.connections[0].arrive(GOOD)
        await turns()
        assert [answer.complete for answer in scene.answers()] == [True] * count
    assert len(scene.upstream.connections) == 1
    assert not scene.caller.closed


async def test_nothing_of_a_request_is_kept_on_a_connection_that_waits_for_the_next(new_scene: NewScene) -> None:
    scene = new_scene()
    await asked(scene, asking(CHAT))
    scene.upstream.connections[0].arrive(GOOD)
    await turns()
    assert vars(scene.protocol)["cycle"] is None
    assert not [name for name, value in vars(scene.protocol).items() if name.startswith("_p") and value]


async def test_requests_that_come_together_are_answered_in_their_order(new_scene: NewScene) -> None:
    scene = new_scene()
    scene.caller.arrive(asking(CHAT) + asking(STREAM))
    await turns()
    assert len(scene.upstream.connections) == 1, "the second waits for the first one's answer"
    scene.upstream.connections[0].arrive(GOOD)
    await turns()
    scene.upstream.connections[0].arrive(chunked(CHUNK, LAST, DONE))
    await turns()
    first, second = scene.answers()
    assert (first.headers["content-type"], first.complete) == ("application/json", True)
    assert (second.body, second.complete) == (CHUNK + LAST + DONE, True)


async def test_a_request_that_was_handed_over_still_goes_before_the_one_behind_it(new_scene: NewScene) -> None:
    scene = new_scene()
    scene.caller.arrive(asking(CHAT) + asking(CHAT))
    await turns()
    scene.upstream.connections[0].arrive(whole(b'{"error":{}}', status=b"429 Too Many Requests"))
    await turns()
    scene.upstream.connections[-1].arrive(GOOD)
    await turns()
    assert [answer.status for answer in scene.answers()] == [429, 200]


async def test_a_defect_of_ours_on_the_way_is_a_500_and_the_connection_serves_on(
    new_scene: NewScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters.http_api.fast_path import passage

    def broken(_: object) -> bool:
        raise RuntimeError("a defect")

    scene = new_scene()
    await asked(scene, asking(CHAT))
    with monkeypatch.context() as patch:
        patch.setattr(passage, "begins_like_json", broken)
        scene.upstream.connections[0].arrive(GOOD)
        await turns()
    (answer,) = scene.answers()
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (500, "internal_error")
    assert await asked(scene, asking(CHAT))


async def test_a_defect_before_the_upstream_is_asked_leaves_the_request_to_the_other_road(
    new_scene: NewScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a defect")

    scene = new_scene()
    monkeypatch.setattr(scene.gateway, "ask_at_once", broken)
    assert not await asked(scene, asking(CHAT))
    scene.upstream.connections[0].arrive(GOOD)
    await turns()
    assert scene.answers()[0].status == 200


async def test_without_the_fast_path_everything_goes_over_asgi() -> None:
    scene = Scene(fast_path=False)
    assert not await asked(scene, asking(CHAT))
    await scene.end()

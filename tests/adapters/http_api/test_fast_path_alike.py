"""The fast path is no other server: whatever a caller sends and the upstream answers, both roads say the same."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.http_api.fast_path_scene import Scene, asking, chunked, turns, whole
from tests.adapters.http_api.serving import CHAT, STREAM
from tests.adapters.transport.test_httptools_hostile import in_pieces

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"
GOOD = whole(b'{"id":"1","usage":{"prompt_tokens":3,"completion_tokens":2}}')
UPSTREAMS = (
    GOOD,
    chunked(CHUNK, LAST, DONE),
    chunked(b": hello\n\n", CHUNK, LAST),
    chunked(CHUNK, CHUNK, end=False),
    chunked(CHUNK, b'data: {"error":{"message":"no"}}\n\n'),
    chunked(CHUNK, b"data: nonsense\n\n"),
    chunked(CHUNK, LAST, DONE, head=b"Content-Type: text/plain"),
    whole(b"<html>no</html>"),
    whole(b'{"error":{"message":"busy"}}', b"Retry-After: 3", status=b"429 Too Many Requests"),
    whole(b'{"error":{"message":"no"}}', status=b"401 Unauthorized"),
    whole(b"", b"Location: /elsewhere", status=b"302 Found"),
    whole(b"{}", b"Set-Cookie: a=b", b"X-Request-Id: theirs", b"X-RateLimit-Remaining: 5"),
    whole(b'{"a":"a-token-that-must-not-come-back"}', b"X-Echo: a-token-that-must-not-come-back"),
    whole(b"{}", b"Content-Encoding: gzip"),
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD,
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
    b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\n{}",
    b"nonsense\r\n\r\n",
    b"",
)
BODIES: tuple[object, ...] = (
    CHAT,
    STREAM,
    {**STREAM, "n": 2},
    {"messages": CHAT["messages"]},
    {},
    b"nonsense",
    b"",
    {**CHAT, "stream": "yes"},
    b'{"model":"","messages":[{"role":"user","content":"\\ud83d\\ude00"}]}',
)
FIELDS = (
    b"Origin: https://evil.example",
    b"Origin: http://localhost:3000",
    b"Sec-Fetch-Site: cross-site",
    b"Connection: close",
    b"Connection: keep-alive, x-mine",
    b"Expect: 100-continue",
    b"Content-Encoding: gzip",
    b"Authorization: Bearer k",
    b"X-Mine: 1",
    b"Cookie: a=b",
    b"Accept-Language: zh",
    b"Upgrade: h2c",
    b"TE: trailers",
)
FRAGMENTS = (
    asking(CHAT),
    asking(STREAM),
    b"GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"Content-Type: application/json\r\n",
    b"Content-Length: 2\r\n\r\n{}",
    b"2\r\n{}\r\n0\r\n\r\n",
    b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
)
cuts = st.lists(st.integers(0, 600), max_size=6)


@pytest.fixture
def _road() -> None:
    """Both at once, here."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def outcome(
    requests: list[bytes], answer: list[bytes], *, fast_path: bool, cut: bool, hang_up: bool = False, **options: Any
) -> tuple[Any, ...]:
    """What a caller reads, the upstream is asked, and the log is told; each connection of the upstream answers so."""
    scene = Scene(fast_path=fast_path, **options)
    answered = 0
    try:
        for piece in requests:
            scene.caller.arrive(piece)
            await turns()
        if hang_up:
            scene.caller.lose()
            await turns()
        # A refused token is tried anew, on a connection of its own.
        while answered < len(scene.upstream.connections):
            connection = scene.upstream.connections[answered]
            answered += 1
            for piece in answer:
                if not connection.closed:
                    connection.arrive(piece)
                await turns()
            if cut:
                connection.end()
            await turns()
        read = [each.settled() for each in scene.answers()]
        return read, list(scene.asked()), scene.caller.closed, told(scene)
    finally:
        await scene.end()


def told(scene: Scene) -> list[tuple[object, ...]]:
    return [(line["path"], line["status"], line["bytes_out"], line["method"]) for line in scene.lines]


async def both(requests: list[bytes], answer: list[bytes], **more: Any) -> None:
    fast, slow = [await outcome(requests, answer, fast_path=chosen, **more) for chosen in (True, False)]
    assert fast[:-1] == slow[:-1]
    closed = fast[2]
    # Over ASGI it is not noticed at once that nobody reads an answer any more.
    assert closed or fast[-1] == slow[-1]


@settings(max_examples=300, deadline=None)
@given(
    body=st.sampled_from(BODIES),
    fields=st.lists(st.sampled_from(FIELDS), max_size=2, unique=True),
    answer=st.sampled_from(UPSTREAMS),
    asked_at=cuts,
    answered_at=cuts,
    cut=st.booleans(),
    keys=st.sampled_from([(), ("k",)]),
)
def test_any_request_and_any_answer_in_any_pieces_come_to_the_same(  # noqa: PLR0917 - as Hypothesis calls it
    runner: asyncio.Runner,
    body: object,
    fields: list[bytes],
    answer: bytes,
    asked_at: list[int],
    answered_at: list[int],
    cut: bool,
    keys: tuple[str, ...],
) -> None:
    requests = in_pieces(asking(body, *fields), asked_at)
    runner.run(both(requests, in_pieces(answer, answered_at), cut=cut, api_keys=keys))


@settings(max_examples=300, deadline=None)
@given(
    data=st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=6).map(b"".join),
    at=cuts,
    answer=st.sampled_from(UPSTREAMS[:4]),
)
def test_any_bytes_of_a_caller_come_to_the_same(
    runner: asyncio.Runner, data: bytes, at: list[int], answer: bytes
) -> None:
    # uvicorn reads on while the first of several requests waits for its answer, and may find nonsense before it comes.
    several = data.count(b"HTTP/") > 1
    runner.run(both(in_pieces(data, [] if several else at), [answer], cut=False))


@settings(max_examples=100, deadline=None)
@given(body=st.sampled_from(BODIES[:3]), answer=st.sampled_from(UPSTREAMS), asked_at=cuts, answered_at=cuts)
def test_a_caller_that_hangs_up_comes_to_the_same(
    runner: asyncio.Runner, body: object, answer: bytes, asked_at: list[int], answered_at: list[int]
) -> None:
    """But for its line in the log: the fast path notices at once, and writes down that nobody was answered."""
    requests = in_pieces(asking(body), asked_at)

    async def each() -> None:
        fast, slow = [
            await outcome(requests, in_pieces(answer, answered_at), fast_path=fast_path, cut=False, hang_up=True)
            for fast_path in (True, False)
        ]
        assert fast[:-1] == slow[:-1]
        assert len(fast[-1]) == 1

    runner.run(each())

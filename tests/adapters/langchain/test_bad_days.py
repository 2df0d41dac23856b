"""An upstream on its bad days: it refuses, breaks off, talks nonsense. Half an answer is never taken for one."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
)

from domain.http import Headers
from tests.adapters.langchain.ways import STREAMED, WAYS, Way, hear, model_at
from tests.fakes.upstream_server import (
    COMMENT,
    DONE,
    EVENT_STREAM,
    HELLO,
    JSON,
    Piece,
    UpstreamServer,
    answering,
    error_body,
    event,
    hang_up,
    in_turn,
    replying,
    stop,
    streaming,
    whole,
    word,
)
from tests.fakes.wire_server import WireConnection

SOON: Headers = (*JSON, ("Retry-After", "0.01"))
BUSY = replying(error_body("busy"), status=503, headers=SOON)
SLOW_DOWN = replying(error_body("slow down", code="rate_limit_exceeded"), status=429, headers=SOON)
ways = pytest.mark.parametrize("way", WAYS)
streamed = pytest.mark.parametrize("way", STREAMED)


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as server:
        yield server


@ways
@pytest.mark.parametrize("busy", [BUSY, SLOW_DOWN], ids=["503", "429"])
def test_a_busy_upstream_is_asked_again(upstream: UpstreamServer, tmp_path: Path, way: Way, busy: Any) -> None:
    upstream.behaviour = in_turn(busy, busy, answering)

    assert hear(way, model_at(upstream, tmp_path, max_retries=2)).message.text == "Hello"
    assert len(upstream.asked) == 3
    assert len({request.body for request in upstream.asked}) == 1


@ways
@pytest.mark.parametrize(
    ("busy", "kind"), [(BUSY, ModelAPIError), (SLOW_DOWN, ModelRateLimitError)], ids=["503", "429"]
)
@pytest.mark.parametrize("retries", [0, 1])
def test_an_upstream_that_stays_busy_is_asked_as_often_as_was_said(
    upstream: UpstreamServer, tmp_path: Path, *, way: Way, busy: Any, kind: type[Exception], retries: int
) -> None:
    upstream.behaviour = busy

    for model, options in (
        (model_at(upstream, tmp_path, max_retries=retries), {}),
        (model_at(upstream, tmp_path, max_retries=5), {"max_retries": retries}),
    ):
        before = len(upstream.asked)
        heard = hear(way, model, **options)
        assert type(heard.error) is kind
        assert heard.messages == []
        assert len(upstream.asked) - before == retries + 1


def test_the_pause_that_the_upstream_asks_for_is_kept(upstream: UpstreamServer, tmp_path: Path) -> None:
    upstream.behaviour = in_turn(replying(b"", status=429, headers=(("Retry-After", "0.3"),)), answering)

    begun = monotonic()
    assert hear("invoke", model_at(upstream, tmp_path, max_retries=1)).message.text == "Hello"
    assert monotonic() - begun >= 0.3


@ways
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error_body("no such field"), ModelInvalidRequestError),
        (400, error_body("too long", code="context_length_exceeded"), ContextOverflowError),
        (403, error_body("not for you"), ModelPermissionDeniedError),
        (404, error_body("no such model", code="model_not_found"), ModelNotFoundError),
        (422, b'{"detail":[{"msg":"field required","loc":["body","x"]}]}', ModelInvalidRequestError),
        (500, b"<html><title>Oops</title></html>", ModelAPIError),
    ],
)
def test_a_refusal_is_told_once_in_the_upstreams_words_and_with_its_answer(
    upstream: UpstreamServer, tmp_path: Path, *, way: Way, status: int, body: bytes, kind: type[Exception]
) -> None:
    headers = (*JSON, ("x-request-id", "req-7"), ("x-should-retry", "false"))
    upstream.behaviour = replying(body, status=status, headers=headers)

    error: Any = hear(way, model_at(upstream, tmp_path, max_retries=2)).error

    assert type(cast("object", error)) is kind
    words = next(
        said for said in ("no such", "too long", "not for you", "field required", "Oops") if said in str(error)
    )
    assert words.encode() in body
    assert (error.response.status_code, error.response.content, error.request_id) == (status, body, "req-7")
    assert len(upstream.asked) == 1


ENDS: dict[str, tuple[tuple[Piece, ...], type[Exception]]] = {
    "the connection drops": ((hang_up,), ModelConnectionError),
    "the body ends in mid-chunk": ((word("x")[:9],), ModelConnectionError),
    "the body just ends": ((), ModelConnectionError),
    "an error object comes": ((b'data: {"error": {"message": "boom"}}\n\n', DONE), ModelAPIError),
    "an error event comes": ((b'event: error\ndata: {"message": "boom"}\n\n', DONE), ModelAPIError),
    "an error with its status comes": ((event({"error": {"message": "boom", "code": 429}}),), ModelRateLimitError),
    "nonsense comes": ((b"data: {nonsense\n\n", stop(), DONE), ModelAPIError),
}


@streamed
@pytest.mark.parametrize(("end", "kind"), ENDS.values(), ids=ENDS.keys())
def test_a_stream_that_ends_badly_gives_what_came_and_then_an_error(
    upstream: UpstreamServer, tmp_path: Path, way: Way, end: tuple[Piece, ...], kind: type[Exception]
) -> None:
    upstream.behaviour = streaming(word("Hel"), word("lo"), *end)

    heard = hear(way, model_at(upstream, tmp_path, max_retries=3))

    assert type(heard.error) is kind
    assert heard.text == "Hello"
    assert len(upstream.asked) == 1, "nothing is asked again once a chunk was handed out"
    if b"boom" in b"".join(piece for piece in end if isinstance(piece, bytes)):
        assert "boom" in str(heard.error)
        assert hasattr(heard.error, "response")


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize(("end", "kind"), ENDS.values(), ids=ENDS.keys())
def test_an_answer_that_streams_behind_the_scenes_is_whole_or_an_error(
    upstream: UpstreamServer, tmp_path: Path, way: Way, end: tuple[Piece, ...], kind: type[Exception]
) -> None:
    upstream.behaviour = streaming(word("Hel"), word("lo"), *end)

    assert type(hear(way, model_at(upstream, tmp_path, streaming=True)).error) is kind


def short_of_its_length(connection: WireConnection, _request: Any) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + whole())
    connection.close()


NO_ANSWERS: dict[str, Any] = {
    "a page": replying(b"<!doctype html><title>Log in</title>", headers=(("Content-Type", "text/html"),)),
    "nothing": replying(b""),
    "null": replying(b"null"),
    "half of it": replying(whole()[:-9]),
    "less than was promised": short_of_its_length,
    "no choices": replying(b'{"id": "1", "choices": []}'),
    "choices that are null": replying(b'{"id": "1", "choices": null}'),
    "an error with status 200": replying(error_body("boom")),
}


@ways
@pytest.mark.parametrize("behaviour", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_is_an_error(upstream: UpstreamServer, tmp_path: Path, way: Way, behaviour: Any) -> None:
    upstream.behaviour = behaviour

    heard = hear(way, model_at(upstream, tmp_path))

    assert isinstance(heard.error, ModelAPIError | ModelConnectionError)
    assert heard.messages == []


@streamed
@pytest.mark.parametrize("pieces", [(DONE,), (COMMENT, COMMENT, DONE), (COMMENT,), (b"\n\n",)])
def test_a_stream_without_a_single_chunk_is_no_answer(
    upstream: UpstreamServer, tmp_path: Path, way: Way, pieces: tuple[bytes, ...]
) -> None:
    upstream.behaviour = streaming(*pieces)

    heard = hear(way, model_at(upstream, tmp_path))

    assert isinstance(heard.error, ModelAPIError | ModelConnectionError)
    assert heard.messages == []


@streamed
def test_a_whole_answer_where_a_stream_was_asked_for_is_understood(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    upstream.behaviour = replying(whole())

    message = hear(way, model_at(upstream, tmp_path)).message

    assert message.text == "Hello"
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata
    assert message.usage_metadata["total_tokens"] == 5


@ways
def test_a_second_401_of_a_key_that_never_changes_is_told_at_once(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    upstream.behaviour = replying(error_body("wrong key"), status=401)

    assert isinstance(hear(way, model_at(upstream, tmp_path, max_retries=2)).error, ModelAuthenticationError)
    assert len(upstream.asked) == 1


@ways
def test_sse_where_json_was_due_and_back_never_crashes(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    upstream.behaviour = lambda connection, _request: connection.reply(b"".join(HELLO), headers=EVENT_STREAM)

    heard = hear(way, model_at(upstream, tmp_path))

    assert heard.text == "Hello" if heard.error is None else isinstance(heard.error, ModelAPIError)
    assert json.loads(upstream.asked[0].body)["stream"] is (way in STREAMED)

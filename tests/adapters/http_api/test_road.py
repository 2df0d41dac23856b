"""The road of the relayed operations: what it needs, what it writes, and that nothing of the other routes is lost."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from adapters.http_api.app import build_app
from ports.gateway import Relay
from tests.adapters.http_api.serving import CHAT, OPTIONS, STREAM, served
from tests.fakes.gateway import JSON, SSE, FakeAnswer, FakeGateway, Piece
from tests.fakes.live_server import LiveServer

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


def test_a_request_writes_one_line_with_its_id() -> None:
    lines: list[dict[str, Any]] = []
    gateway = FakeGateway()

    def write(event: str, **values: object) -> None:
        lines.append({"event": event, **values})

    app = build_app(gateway, OPTIONS, version="0", aclose=gateway.aclose, write_line=write)
    with LiveServer(app) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        client.post("/v1/chat/completions", json=CHAT, headers={"x-request-id": "mine"})
        client.get("/v1/models", headers={"x-request-id": "models"})
        client.get("/healthz")
        client.get("/metrics")
    assert [(line["event"], line["request_id"], line["path"], line["status"]) for line in lines] == [
        ("request", "mine", "/v1/chat/completions", 200),
        ("request", "models", "/v1/models", 200),
    ]
    assert lines[0]["method"] == "POST"
    assert lines[0]["bytes_out"] == 2
    assert lines[0]["took_ms"] >= 0


def test_whatever_is_written_on_the_way_of_a_request_bears_its_id() -> None:
    def answer(_: Relay) -> FakeAnswer:
        structlog.stdlib.get_logger("oca.anywhere").info("here")
        return FakeAnswer([b"nonsense"])

    with (
        capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines,
        served(FakeGateway(answer)) as client,
    ):
        client.post("/v1/chat/completions", json=CHAT, headers={"x-request-id": "mine"})
    assert {line["event"]: line.get("request_id") for line in lines} == {
        "here": "mine",
        "relay failed": "mine",
        "request": "mine",
    }


def test_an_answer_that_is_there_at_once_needs_no_task_of_its_own() -> None:
    seen: list[set[str]] = []

    class Looking(FakeAnswer):
        async def aclose(self) -> None:
            seen.append({task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("oca-relay")})

    with served(FakeGateway(lambda _: Looking([b"{}"]))) as client:
        client.post("/v1/chat/completions", json=CHAT)
    assert seen == [set()]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
def test_other_methods_and_paths_beside_are_still_the_routers(path: str) -> None:
    with served(FakeGateway()) as client:
        assert client.get(path).json()["error"]["code"] == "method_not_allowed"
        assert client.post(f"{path}/").json()["error"]["code"] == "unknown_url"
        assert client.request("TRACE", path).status_code == 405


def test_an_allowed_page_reads_the_relays_answers_and_errors() -> None:
    with served(FakeGateway(), allowed_origins=("https://chat.example",)) as client:
        for body in (CHAT, {}):
            response = client.post("/v1/chat/completions", json=body, headers={"origin": "https://chat.example"})
            assert response.headers["access-control-allow-origin"] == "https://chat.example"
            assert response.headers["x-request-id"].startswith("req_")
        assert "access-control-allow-origin" not in client.post("/v1/chat/completions", json=CHAT).headers


def test_when_the_caller_of_a_large_answer_goes_away_the_upstreams_answer_is_closed() -> None:
    closed = threading.Event()

    class Watched(FakeAnswer):
        async def aclose(self) -> None:
            closed.set()

    mebibyte = b"x" * 1024 * 1024
    pieces: list[Piece] = [b'{"a":"', *[mebibyte] * 5, asyncio.Event()]
    with served(FakeGateway(lambda _: Watched(pieces, JSON))) as client:
        with client.stream("POST", "/v1/chat/completions", json=CHAT) as response:
            next(response.iter_raw())
        assert closed.wait(5)


def test_a_stream_that_has_something_to_say_gets_no_comments_and_a_silent_one_gets_them_in_between() -> None:
    from datetime import timedelta

    gates: list[asyncio.Event] = []

    def answer(_: Relay) -> FakeAnswer:
        gates.append(asyncio.Event())
        return FakeAnswer([CHUNK, gates[-1], LAST], SSE)

    with (
        served(FakeGateway(answer), keep_alive=timedelta(milliseconds=40)) as client,
        client.stream("POST", "/v1/chat/completions", json=STREAM) as response,
    ):
        blocks = response.iter_raw()
        assert next(blocks) == CHUNK
        assert next(blocks) == b": keep-alive\n\n"
        assert next(blocks) == b": keep-alive\n\n"
        gates[0]._loop.call_soon_threadsafe(gates[0].set)  # type: ignore[attr-defined] # the server's loop
        rest = b"".join(blocks)
    assert rest.replace(b": keep-alive\n\n", b"") == LAST + b"data: [DONE]\n\n"


def test_a_body_in_many_pieces_is_one_body() -> None:
    gateway = FakeGateway()
    body = json.dumps({**CHAT, "padding": "x" * 300_000}).encode()
    with served(gateway) as client:
        pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
        response = client.post("/v1/chat/completions", content=pieces, headers={"content-type": "application/json"})
    assert response.status_code == 200
    assert gateway.relayed[0].body == body

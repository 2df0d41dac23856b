"""What the server tells Prometheus."""

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.http_api.app import build_app
from adapters.http_api.metrics import Metrics
from ports.gateway import Relay
from tests.adapters.http_api.serving import CHAT, OPTIONS, STREAM, served
from tests.fakes.gateway import SSE, FakeAnswer, FakeGateway
from tests.fakes.live_server import LiveServer

USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21, "prompt_tokens_details": {"cached_tokens": 8}}


def event(payload: Any) -> bytes:
    return b"data: " + (payload if isinstance(payload, bytes) else json.dumps(payload).encode()) + b"\n\n"


CHUNK = event({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], "usage": None})
LAST = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
COUNT = event({"choices": [], "usage": USAGE})
DONE = event(b"[DONE]")


def told(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status() -> None:
    with served(FakeGateway()) as client:
        client.post("/v1/chat/completions", json=CHAT)
        client.post("/v1/chat/completions", json=CHAT)
        client.post("/v1/chat/completions", json={})
        client.get("/v1/models")
        client.get("/v1/models/org/m2")
        client.get("/v1/models/m1")
        client.get("/nobody/knows")
        client.get("/nobody/knows/either")
        samples = told(client)
    assert samples["oca_requests_total", "/v1/chat/completions", "200"] == 2
    assert samples["oca_requests_total", "/v1/chat/completions", "400"] == 1
    assert samples["oca_requests_total", "/v1/models", "200"] == 1
    assert samples["oca_requests_total", "/v1/models/{model_id}", "200"] == 2
    assert samples["oca_requests_total", "other", "404"] == 2


@pytest.mark.parametrize(
    "pieces", [[CHUNK, LAST, COUNT, DONE], [CHUNK + LAST + COUNT + DONE], [CHUNK, LAST + COUNT[:60], COUNT[60:] + DONE]]
)
def test_a_stream_tells_how_long_its_first_event_took_and_how_many_tokens_it_was(pieces: list[bytes]) -> None:
    with served(FakeGateway(lambda _: FakeAnswer(pieces, SSE))) as client:
        client.post("/v1/chat/completions", json=STREAM)
        samples = told(client)
    assert samples["oca_time_to_first_token_seconds_count",] == 1
    assert 0 < samples["oca_time_to_first_token_seconds_sum",] < 5
    assert (samples["oca_tokens_total", "in"], samples["oca_tokens_total", "out"]) == (9, 12)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (USAGE, (9, 12)),
        ({"input_tokens": 3, "output_tokens": 4}, (3, 4)),
        ({"prompt_tokens": 5, "total_tokens": 5}, (5, 0)),
        (None, (0, 0)),
        ({"prompt_tokens": "many"}, (0, 0)),
    ],
)
def test_a_whole_answer_tells_its_tokens(usage: object, tokens: tuple[int, int]) -> None:
    body = json.dumps({"choices": [{"message": {"content": '"usage":{"prompt_tokens":100}'}}], "usage": usage}).encode()
    with served(FakeGateway(lambda _: FakeAnswer([body]))) as client:
        client.post("/v1/chat/completions", json=CHAT)
        samples = told(client)
    assert [samples["oca_tokens_total", direction] for direction in ("in", "out")] == list(tokens)
    assert samples["oca_time_to_first_token_seconds_count",] == 0


def test_streams_are_counted_while_they_run() -> None:
    gates: list[asyncio.Event] = []

    def answer(_: Relay) -> FakeAnswer:
        gates.append(asyncio.Event())
        return FakeAnswer([CHUNK, gates[-1], LAST, DONE], SSE)

    with served(FakeGateway(answer)) as client:
        with client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
            pieces = response.iter_raw()
            next(pieces)
            assert told(client)["oca_streams_running",] == 1
            gates[0]._loop.call_soon_threadsafe(gates[0].set)  # type: ignore[attr-defined] # the server's loop
            for _ in pieces:
                pass
        assert told(client)["oca_streams_running",] == 0


def test_a_stream_whose_caller_left_runs_no_more() -> None:
    closed = threading.Event()

    class Watched(FakeAnswer):
        async def aclose(self) -> None:
            closed.set()

    with served(FakeGateway(lambda _: Watched([CHUNK, asyncio.Event()], SSE))) as client:
        with client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
            next(response.iter_raw())
        assert closed.wait(5)
        assert told(client)["oca_streams_running",] == 0


def test_what_happened_to_the_login_is_told_once_however_often_it_is_asked() -> None:
    happened = {"refreshed": 2, "failed": 0}
    gateway = FakeGateway()
    metrics = Metrics(token_events=lambda: happened)
    app = build_app(gateway, OPTIONS, version="0", aclose=gateway.aclose, metrics=metrics)
    with LiveServer(app) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        told(client)
        happened["refreshed"] = 3
        samples = told(client)
    assert samples["oca_token_events_total", "refreshed"] == 3
    assert samples["oca_token_events_total", "failed"] == 0


def test_the_numbers_are_for_those_who_may_call() -> None:
    with served(FakeGateway(), api_keys=("k1",)) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer k1"}).status_code == 200
    with served(FakeGateway()) as client:
        assert client.get("/metrics", headers={"host": "evil.example"}).status_code == 403


async def test_workers_tell_each_other_a_moment_later_and_forget_those_that_are_dead(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait(20)
    left_behind = tmp_path / f"gauge_livesum_{gone.pid}.db"
    left_behind.touch()
    metrics = Metrics(shared=tmp_path)
    metrics.answered("/healthz", 200)
    with metrics.stream():
        metrics.used(None)
    # Nothing in it is this process's: prometheus-client was imported without the folder.
    assert metrics.text() == b""
    assert not left_behind.exists()

"""One model for many: threads, event loops, copies, processes. They share connections, and above all the login."""

import asyncio
import copy
import json
import multiprocessing
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters.clock.system import SystemClock
from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from adapters.sandbox.server import Sandbox
from tests.adapters.langchain.ways import STREAMED, WAYS, Way, hear, model_at, run
from tests.fakes.upstream_server import (
    HELLO,
    Piece,
    UpstreamServer,
    answering,
    error_body,
    in_turn,
    replying,
    streaming,
)

ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as server:
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SystemClock(), access_token_lifetime=timedelta(hours=1)) as running:
        yield running


@pytest.fixture
def model(sandbox: Sandbox, tmp_path: Path) -> OCAChatModel:
    """A model of a login."""
    path = tmp_path / ".env"
    path.write_text(sandbox.env_text(sandbox.controls.issue_login()), encoding="utf-8")
    path.chmod(0o600)
    return OCAChatModel(token_manager=OCAOauth2TokenManager(path), max_retries=0)


async def ask_five_times(model: Any, way: Way) -> list[str]:
    texts: list[str] = []
    for _ in range(5):
        if way == "ainvoke":
            texts.append((await model.ainvoke("Hi")).text)
        else:
            texts.append("".join([chunk.text async for chunk in model.astream("Hi")]))
    return texts


def ask_in_a_row(model: Any, way: Way) -> list[str]:
    if way in ("ainvoke", "astream"):
        return run(ask_five_times(model, way))
    return [hear(way, model).message.text for _ in range(5)]


def late_end(connection: Any) -> None:
    connection.pause(0.05)


LATE: tuple[Piece, ...] = (*HELLO, late_end)


@ways
@pytest.mark.parametrize("late", [False, True], ids=["at once", "after a moment"])
def test_calls_in_a_row_go_over_one_connection(
    upstream: UpstreamServer, tmp_path: Path, way: Way, *, late: bool
) -> None:
    if late:
        # The chunk that ends the body comes a moment after [DONE].
        upstream.behaviour = lambda connection, request: (
            streaming(*LATE) if json.loads(request.body)["stream"] else answering
        )(connection, request)
    assert ask_in_a_row(model_at(upstream, tmp_path), way) == ["Hello"] * 5
    assert len(upstream.connections) == 1


@ways
def test_an_error_with_its_body_read_leaves_the_connection_usable(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    busy = replying(error_body("busy"), status=503, headers=(("Retry-After", "0.01"),))
    upstream.behaviour = in_turn(busy, answering)
    assert hear(way, model_at(upstream, tmp_path, max_retries=1)).message.text == "Hello"
    assert (len(upstream.asked), len(upstream.connections)) == (2, 1)


def test_models_of_one_manager_share_their_connections(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(upstream, tmp_path)
    others = [
        OCAChatModel(token_manager=model.token_manager, temperature=0.5),
        copy.copy(model),
        copy.deepcopy(model),
        model.model_copy(update={"temperature": 1}),
        model.bind(temperature=0),
    ]
    for each in (model, *others):
        assert hear("stream", each).text == "Hello"
    assert len(upstream.connections) == 1


def test_threads_and_event_loops_use_one_model_at_once(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(upstream, tmp_path)
    start = threading.Barrier(11)

    async def many() -> list[str]:
        await asyncio.to_thread(start.wait, 10)
        first = await asyncio.gather(*(model.ainvoke("Hi") for _ in range(5)))
        return [message.text for message in first] + await ask_five_times(model, "astream")

    def loop() -> list[str]:
        return run(many())

    def thread(number: int) -> list[str]:
        start.wait(10)
        return [hear(("invoke", "stream")[number % 2], model).message.text for _ in range(10)]

    with ThreadPoolExecutor(11) as pool:
        working = [pool.submit(thread, number) for number in range(8)] + [pool.submit(loop) for _ in range(3)]
        assert {text for each in working for text in each.result(20)} == {"Hello"}
    assert len(upstream.asked) == 110
    assert len(upstream.connections) <= 8 + 3 * 5


def test_one_event_loop_after_the_other_uses_one_model(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(upstream, tmp_path)
    for _ in range(3):
        for way in ("ainvoke", "astream"):
            assert run(ask_five_times(model, way)) == ["Hello"] * 5
    assert len(upstream.connections) == 6
    assert all(connection.closed.wait(5) for connection in upstream.connections), "a loop takes its connections along"


def test_a_loop_in_a_thread_and_the_main_ones_go_on_side_by_side(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(upstream, tmp_path)

    async def outer() -> str:
        inner = await asyncio.to_thread(run, ask_five_times(model, "astream"))
        return f"{(await model.ainvoke('Hi')).text}{inner[0]}"

    assert run(outer()) == "HelloHello"


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(deep=True),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own
    "deepcopy of what holds it": lambda model: copy.deepcopy({"chain": [model.bind(stop=["x"])]})["chain"][0],
}


@ways
@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_a_copy_shares_the_login_through_every_rotation(
    sandbox: Sandbox, model: OCAChatModel, way: Way, make: Any
) -> None:
    reuses = sandbox.controls.tokens.reuses
    assert hear(way, model).message.text
    twin = make(model)
    for turn in (model, twin, model, twin, twin, model):
        sandbox.controls.revoke_access_tokens()
        assert hear(way, turn).message.text
        assert hear(way, model).message.text
        assert hear(way, twin).message.text
    assert sandbox.controls.tokens.reuses == reuses, "no refresh token is spent twice"


def test_a_copy_has_the_parameters_of_its_model(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(
        upstream, tmp_path, temperature=0.5, stop=["x"], default_headers={"X-Own": "1"}, model_kwargs={"top_k": 3}
    )
    hear("invoke", model)
    for make in COPIES.values():
        assert hear("invoke", make(model)).message.text == "Hello"
        assert upstream.bodies[-1] == upstream.bodies[0]
        assert upstream.asked[-1].header("X-Own") == "1"


def answer_elsewhere(model: OCAChatModel, answers: "multiprocessing.Queue[str]") -> None:
    for way in WAYS:
        answers.put(hear(way, model).message.text)


def test_a_pickle_works_in_another_process_and_shares_the_login(
    sandbox: Sandbox, model: OCAChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A child imports the main module anew, and Streamlit's tests leave their page behind in its place.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    before = sandbox.controls.tokens
    assert model.invoke("Hi").text
    sandbox.controls.revoke_access_tokens()
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    child = context.Process(target=answer_elsewhere, args=(model, answers))
    child.start()
    texts = [answers.get(timeout=30) for _ in WAYS]
    child.join(20)

    assert child.exitcode == 0
    assert all(texts)
    assert model.invoke("Hi").text, "the original goes on with the child's token"
    after = sandbox.controls.tokens
    assert (after.grants - before.grants, after.reuses - before.reuses) == (2, 0)


def test_what_one_copy_changes_the_other_does_not_see(upstream: UpstreamServer, tmp_path: Path) -> None:
    model = model_at(upstream, tmp_path, model_kwargs={"top_k": 1})
    twin = copy.deepcopy(model)
    twin.model_kwargs["top_k"] = 2
    twin.temperature = 0.5
    hear("invoke", model)
    assert (upstream.bodies[-1]["top_k"], upstream.bodies[-1].get("temperature")) == (1, None)


def test_a_model_with_a_key_of_its_own_needs_no_login(
    upstream: UpstreamServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OCA_ENV_FILE", raising=False)
    model = OCAChatModel(model="m", base_url=upstream.api_url, api_key="sk-of-its-own-0123", max_retries=0)  # type: ignore[arg-type]
    for way in WAYS:
        for each in (model, copy.deepcopy(model), COPIES["pickle"](model)):
            assert hear(way, each).message.text == "Hello"
            assert upstream.asked[-1].header("Authorization") == "Bearer sk-of-its-own-0123"


@pytest.mark.parametrize("way", STREAMED)
def test_streams_of_one_model_are_read_alternately(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    model = model_at(upstream, tmp_path)

    async def alternate() -> list[str]:
        one, two = model.astream("Hi"), model.astream("Hi")
        return [(await anext(each)).text for each in (one, two, one, two)]

    if way == "astream":
        assert run(alternate()) == ["Hel", "Hel", "lo", "lo"]
    else:
        one, two = model.stream("Hi"), model.stream("Hi")
        assert [next(each).text for each in (one, two, one, two)] == ["Hel", "Hel", "lo", "lo"]


def test_a_stream_may_be_handed_from_thread_to_thread_and_from_task_to_task(
    upstream: UpstreamServer, tmp_path: Path
) -> None:
    """As web frameworks do that answer with a generator."""
    model = model_at(upstream, tmp_path)

    async def from_thread_to_thread() -> list[str]:
        chunks = model.stream("Hi")
        heard: list[str] = []
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            heard.append(chunk.text)
        return heard

    async def from_task_to_task() -> list[str]:
        chunks = model.astream("Hi")
        heard = [(await asyncio.create_task(anext(chunks))).text for _ in range(2)]
        await asyncio.create_task(chunks.aclose())
        return heard

    assert run(from_thread_to_thread()) == ["Hel", "lo", ""]
    assert run(from_task_to_task()) == ["Hel", "lo"]


def test_an_error_can_be_sent_to_another_process(upstream: UpstreamServer, tmp_path: Path) -> None:
    upstream.behaviour = replying(error_body("no"), status=400)
    error = hear("invoke", model_at(upstream, tmp_path)).error
    revived: Any = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(revived), str(revived), revived.response.status_code) == (type(error), str(error), 400)

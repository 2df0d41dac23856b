"""The model as a part of LangChain's larger things: caches, batches, fallbacks, configurations, events."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool

from tests.adapters.langchain.ways import STREAMED, WAYS, Way, hear, model_at, run
from tests.fakes.upstream_server import JSON, UpstreamServer, answering, error_body, in_turn, replying

ways = pytest.mark.parametrize("way", WAYS)
streamed = pytest.mark.parametrize("way", STREAMED)
REFUSED = replying(error_body("broken"), status=500, headers=(*JSON, ("x-should-retry", "false")))


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as server:
        yield server


@pytest.fixture
def model(upstream: UpstreamServer, tmp_path: Path) -> Any:
    return model_at(upstream, tmp_path)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_cache_answers_the_same_question_once(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    model = model_at(upstream, tmp_path, cache=InMemoryCache())

    first, second = hear(way, model).message, hear(way, model).message

    assert first.text == second.text == "Hello"
    assert len(upstream.asked) == 1


SHAPING: list[dict[str, Any]] = [
    {"model": "other"},
    {"temperature": 0.1},
    {"max_tokens": 9},
    {"stop": ["x"]},
    {"top_p": 0.5},
    {"seed": 1},
    {"reasoning_effort": "low"},
    {"frequency_penalty": 0.1},
    {"model_kwargs": {"top_k": 1}},
    {"extra_body": {"top_k": 1}},
    {"default_headers": {"X-Tenant": "1"}},
    {"system_prompt": "Be brief."},
    {"repair_tool_calls": False},
]


@pytest.mark.parametrize("shape", SHAPING, ids=str)
def test_a_cache_knows_another_question_from_this_one(
    upstream: UpstreamServer, tmp_path: Path, shape: dict[str, Any]
) -> None:
    for by_call in (False, True):
        cache = InMemoryCache()
        plain = model_at(upstream, tmp_path, cache=cache)
        hear("invoke", plain)
        before = len(upstream.asked)
        for _ in range(2):
            asked = plain if by_call else model_at(upstream, tmp_path, cache=cache, **shape)
            assert hear("invoke", asked, **(shape if by_call else {})).message.text == "Hello"
        assert len(upstream.asked) == before + 1
        assert not any(secret in str(vars(cache)) for secret in ("sk-unchanging", "X-Tenant"))


@pytest.mark.parametrize("name", ["model_kwargs", "extra_body", "default_headers"])
def test_a_cache_knows_what_a_call_adds_to_from_what_it_replaces(
    upstream: UpstreamServer, tmp_path: Path, name: str
) -> None:
    cache = InMemoryCache()
    for own in (None, {"X-Own": "1"}):
        model = model_at(upstream, tmp_path, cache=cache, **{} if own is None else {name: own})
        assert hear("invoke", model, **{name: {"X-More": "1"}}).message.text == "Hello"
    assert len(upstream.asked) == 2


def test_a_cache_knows_one_upstream_from_the_other(upstream: UpstreamServer, tmp_path: Path) -> None:
    cache = InMemoryCache()
    with UpstreamServer() as other:
        for server in (upstream, other):
            assert hear("invoke", model_at(server, tmp_path, cache=cache)).message.text == "Hello"
        assert (len(upstream.asked), len(other.asked)) == (1, 1)


def test_a_batch_asks_at_the_same_time_and_answers_in_order(upstream: UpstreamServer, model: Any) -> None:
    def all_at_once(connection: Any, request: Any) -> None:
        upstream.wait_for_requests(4, 10)
        answering(connection, request)

    upstream.behaviour = all_at_once
    assert [answer.text for answer in model.batch(["a", "b", "c", "d"])] == ["Hello"] * 4
    upstream.requests.clear()
    assert [answer.text for answer in run(model.abatch(["a", "b", "c", "d"]))] == ["Hello"] * 4
    assert sorted(body["messages"][0]["content"] for body in upstream.bodies) == ["a", "b", "c", "d"]


def test_a_batch_tells_errors_in_their_place(upstream: UpstreamServer, model: Any) -> None:
    upstream.behaviour = lambda connection, request: (REFUSED if b'"b"' in request.body else answering)(
        connection, request
    )
    for answers in (
        model.batch(["a", "b", "c"], return_exceptions=True),
        run(model.abatch(["a", "b", "c"], return_exceptions=True)),
    ):
        assert [type(answer) for answer in answers] == [AIMessage, ModelAPIError, AIMessage]


@ways
def test_a_fallback_takes_over(upstream: UpstreamServer, model: Any, tmp_path: Path, way: Way) -> None:
    with UpstreamServer(REFUSED) as broken:
        asked = model_at(broken, tmp_path).with_fallbacks([model])
        assert hear(way, asked).text == "Hello"
        assert (len(broken.asked), len(upstream.asked)) == (1, 1)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_langchains_own_retries_work(upstream: UpstreamServer, model: Any, way: Way) -> None:
    upstream.behaviour = in_turn(REFUSED, REFUSED, answering)
    asked = model.with_retry(
        retry_if_exception_type=(ModelAPIError,), stop_after_attempt=3, wait_exponential_jitter=False
    )
    assert hear(way, asked).message.text == "Hello"
    assert len(upstream.asked) == 3


CONFIGURED: dict[str, Any] = {"configurable": {"heat": 0.9, "which": "other"}}


@ways
def test_a_configured_model_sends_the_question_and_nothing_else(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    asked = model_at(upstream, tmp_path, max_tokens=5, default_headers={"X-Own": "1"}).configurable_fields(
        temperature=ConfigurableField(id="heat"), model=ConfigurableField(id="which")
    )
    for config, temperature, name in (({}, None, "m"), (CONFIGURED, 0.9, "other")):
        heard = hear(way, asked, config=config)
        assert heard.text == "Hello"
        assert (len(heard.messages) > 1) is (way in STREAMED), "a configured model streams as well"
        body = upstream.bodies[-1]
        assert (body.get("temperature"), body["model"], body["max_tokens"]) == (temperature, name, 5)
        assert upstream.asked[-1].header("X-Own") == "1"
    assert len(upstream.requests) == 2
    assert len({request.connection for request in upstream.requests}) == (1 if way in ("invoke", "stream") else 2)


@ways
def test_one_of_several_models_may_be_chosen_by_configuration(
    upstream: UpstreamServer, model: Any, tmp_path: Path, way: Way
) -> None:
    asked = model.configurable_alternatives(
        ConfigurableField(id="which"), default_key="usual", other=model_at(upstream, tmp_path, model="other")
    )
    for key in ("usual", "other"):
        assert hear(way, asked, config={"configurable": {"which": key}}).text == "Hello"
    assert [body["model"] for body in upstream.bodies] == ["m", "other"]


@ways
def test_a_rate_limiter_is_waited_for(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=10, check_every_n_seconds=0.005, max_bucket_size=1)
    model = model_at(upstream, tmp_path, rate_limiter=limiter)
    begun = monotonic()
    for _ in range(2):
        assert hear(way, model).message.text == "Hello"
    assert monotonic() - begun > 0.15


@pytest.mark.filterwarnings("ignore:astream_events version='v1' is deprecated")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_events_tell_of_the_stream(model: Any, version: Any) -> None:
    async def collect() -> list[Any]:
        return [event async for event in (model | StrOutputParser()).astream_events("Hi", version=version)]

    events = run(collect())
    chunks = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    assert "".join(chunk.text for chunk in chunks) == "Hello"
    (end,) = [event for event in events if event["event"] == "on_chat_model_end"]
    assert "Hello" in str(end["data"]["output"])


@pytest.mark.filterwarnings("ignore:.*beta:Warning")
def test_the_newest_events_tell_the_same_in_both_ways(model: Any) -> None:
    stream = model.stream_events("Hi", version="v3")
    assert list(stream.text) == ["Hel", "lo"]
    assert (stream.output.text, stream.output.usage_metadata["total_tokens"]) == ("Hello", 5)

    async def collect() -> tuple[list[str], Any]:
        opened = await model.astream_events("Hi", version="v3")
        texts = [text async for text in opened.text]
        return texts, await opened.output

    texts, output = run(collect())
    assert texts == ["Hel", "lo"]
    assert (output.text, output.usage_metadata["total_tokens"]) == ("Hello", 5)


@pytest.mark.filterwarnings("ignore:.*beta:Warning")
def test_the_newest_events_raise_what_the_stream_raises(upstream: UpstreamServer, model: Any) -> None:
    upstream.behaviour = REFUSED
    with pytest.raises(ModelAPIError):
        _ = model.stream_events("Hi", version="v3").output

    async def collect() -> None:
        opened = await model.astream_events("Hi", version="v3")
        await opened.output

    with pytest.raises(ModelAPIError):
        run(collect())


def test_an_agents_chain_of_sync_and_async_parts_shares_the_model(upstream: UpstreamServer, model: Any) -> None:
    async def work() -> list[str]:
        chain = model | StrOutputParser()
        one = await chain.ainvoke("a")
        two = await asyncio.to_thread(chain.invoke, "b")
        three = "".join([piece async for piece in chain.astream("c")])
        return [one, two, three]

    assert run(work()) == ["Hello"] * 3


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return place


@streamed
def test_streams_may_be_switched_off(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    off = model_at(upstream, tmp_path, disable_streaming=True)
    without_tools = model_at(upstream, tmp_path, disable_streaming="tool_calling")

    for asked, streams in ((off, False), (without_tools, True), (without_tools.bind_tools([look]), False)):
        assert hear(way, asked).text == "Hello"
        assert upstream.bodies[-1]["stream"] is streams

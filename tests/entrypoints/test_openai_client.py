"""The official `openai` client sees through the gateway exactly what it sees without it."""

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.adapters.sandbox.openai_schemas import assert_valid
from tests.entrypoints.stack import Stack

# What differs by nature: when it was made.
VOLATILE = {"created"}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Capital(BaseModel):
    country: str
    city: str
    population: int


class Both:
    """One client straight to the upstream, one through the gateway."""

    def __init__(self, running: Stack) -> None:
        token = running.container.blocking_gateway().access_token()
        self.direct = OpenAI(base_url=f"{running.sandbox.url}/v1", api_key=token, max_retries=0)
        self.gateway = OpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0)
        self.async_gateway = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0)

    def agree_on(self, ask: Callable[[OpenAI], Any]) -> Any:
        """What both clients got, which must be the same."""
        direct, gateway = _plain(ask(self.direct)), _plain(ask(self.gateway))
        assert gateway == direct
        return gateway


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", warnings=False)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _plain(item) for key, item in items if key not in VOLATILE}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


@pytest.fixture
def both(running: Stack) -> Iterator[Both]:
    clients = Both(running)
    yield clients
    clients.direct.close()
    clients.gateway.close()


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_a_whole_answer_is_the_same(both: Both) -> None:
    answer = both.agree_on(
        lambda client: client.chat.completions.create(model="sandbox-chat", messages=user("Hello!"), n=2, seed=7)
    )
    assert len(answer["choices"]) == 2


@pytest.mark.parametrize("text", ["Hello!", "你好！"])
def test_a_stream_is_the_same_chunk_by_chunk_with_its_usage(both: Both, text: str) -> None:
    chunks = both.agree_on(
        lambda client: list(
            client.chat.completions.create(
                model="sandbox-chat",
                messages=user(text),
                stream=True,
                stream_options={"include_usage": True},
                logprobs=True,
            )
        )
    )
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0


def test_reasoning_fields_pass_through(both: Both) -> None:
    answer = both.agree_on(
        lambda client: client.chat.completions.create(model="sandbox-reasoner", messages=user("Hello!"))
    )
    assert answer["choices"][0]["message"]["reasoning_content"]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_are_the_same(both: Both, stream: bool) -> None:
    def ask(client: OpenAI) -> Any:
        answer = client.chat.completions.create(
            model="sandbox-chat",
            messages=user("use get_weather for Paris"),
            tools=[WEATHER],
            tool_choice="required",
            stream=stream,
        )
        return list(answer) if stream else answer

    answer = both.agree_on(ask)
    assert "get_weather" in json.dumps(answer)


def test_structured_output_parses(both: Both) -> None:
    parsed = both.agree_on(
        lambda client: client.chat.completions.parse(
            model="sandbox-chat", messages=user("The capital of France"), response_format=Capital
        )
    )
    assert set(parsed["choices"][0]["message"]["parsed"]) == {"country", "city", "population"}


def test_embeddings_and_legacy_completions_are_the_same(both: Both) -> None:
    both.agree_on(lambda client: client.embeddings.create(model="sandbox-embedding", input=["a", "你好"]))
    both.agree_on(lambda client: client.completions.create(model="sandbox-chat", prompt="Hello!"))
    both.agree_on(lambda client: list(client.completions.create(model="sandbox-chat", prompt="Hello!", stream=True)))


def test_the_model_list_is_the_same(both: Both) -> None:
    listed = both.agree_on(lambda client: [model for model in client.models.list()])  # noqa: C416 - a page, not a list
    both.agree_on(lambda client: client.models.retrieve(listed[0]["id"]))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "request_",
    [
        {"model": "no-such-model", "messages": user("x")},
        {"model": "sandbox-chat", "messages": user("/fail 429")},
        {"model": "sandbox-chat", "messages": user("/fail 500")},
        {"model": "sandbox-chat", "messages": [{"role": "tool", "content": "x", "tool_call_id": "none"}]},
        {"model": "sandbox-chat", "messages": user("x"), "temperature": "hot"},
    ],
)
def test_an_error_is_of_the_same_class_with_the_same_words(both: Both, request_: Any, stream: bool) -> None:
    def fail(client: OpenAI) -> Any:
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(**request_, stream=stream)
        error = caught.value
        retry_after = error.response.headers.get("retry-after")
        return [type(error).__name__, error.status_code, error.code, error.param, error.type, error.body, retry_after]

    both.agree_on(fail)


def test_an_error_in_mid_stream_is_the_same_exception(both: Both) -> None:
    def fail(client: OpenAI) -> Any:
        pieces: list[str] = []
        with pytest.raises(openai.APIError) as caught:
            read_into(pieces, client)
        return [pieces, type(caught.value).__name__, str(caught.value), caught.value.body]

    def read_into(pieces: list[str], client: OpenAI) -> None:
        stream = client.chat.completions.create(model="sandbox-chat", messages=user("/fail error-event"), stream=True)
        pieces.extend(chunk.choices[0].delta.content or "" for chunk in stream)

    both.agree_on(fail)


def test_a_stream_that_was_cut_is_an_error_and_not_a_short_answer(both: Both) -> None:
    stream = both.gateway.chat.completions.create(model="sandbox-chat", messages=user("/fail cut"), stream=True)
    with pytest.raises(openai.APIError, match="incomplete"):
        list(stream)


def test_the_request_id_is_ours_and_the_upstreams_stands_beside_it(both: Both) -> None:
    raw = both.gateway.chat.completions.with_raw_response.create(model="sandbox-chat", messages=user("Hello!"))
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-upstream-request-id"]
    assert raw.request_id == raw.headers["x-request-id"]


async def test_the_async_client_streams_too(both: Both) -> None:
    async with both.async_gateway as client:
        stream = await client.chat.completions.create(model="sandbox-chat", messages=user("Hello!"), stream=True)
        words = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "sandbox" in "".join(words).lower()


def test_the_gateways_own_answers_keep_to_openais_published_schemas(running: Stack) -> None:
    with running.client() as client:
        assert_valid("ListModelsResponse", client.get("/v1/models").json())
        assert_valid("Model", client.get("/v1/models/sandbox-chat").json())
        for bad in (client.post("/v1/chat/completions", json={}), client.get("/v1/models/none"), client.get("/x")):
            assert_valid("ErrorResponse", bad.json())
        chat = {"messages": user("Hello!")}
        assert_valid("CreateChatCompletionResponse", client.post("/v1/chat/completions", json=chat).json())
        with client.stream("POST", "/v1/chat/completions", json={**chat, "stream": True}) as response:
            events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: {")]
    for event in events:
        assert_valid("CreateChatCompletionStreamResponse", json.loads(event))

"""Chat answers, seen by the official client and judged by OpenAI's own schemas."""

import json
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel, Field

from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.exchanges import (
    CLOCK,
    WEATHER,
    answer_in,
    ask,
    audio_part,
    file_part,
    image_part,
    payloads_of,
    show,
    text_part,
)
from tests.adapters.sandbox.openai_schemas import assert_valid

QUESTIONS: dict[str, dict[str, Any]] = {
    "plain": ask("Good morning"),
    "chinese": ask("早上好，世界"),
    "reasoning": ask("Think!", model="sandbox-reasoner"),
    "reasoning with a tool": ask("get_weather in Paris", model="sandbox-reasoner", tools=[WEATHER]),
    "two tools": ask("get_weather and tell_time", tools=[WEATHER, CLOCK]),
    "three choices": ask("Hello", n=3),
    "log probabilities": ask("Hello", logprobs=True, top_logprobs=3),
    "cut": ask("Hello", max_tokens=5),
    "cut in a tool call": ask("get_weather", tools=[WEATHER], max_tokens=2),
    "stopped": ask("Hello", stop=["login"]),
    "json": ask("some json, please", response_format={"type": "json_object"}),
    "line separators": ask("a\u2028b\u2029c\u0085d"),
    "lone surrogate": ask("\ud800"),
    "media": show(text_part("Look"), image_part(), audio_part(), file_part()),
    "refusal": ask("/fail refusal"),
    "refusal with log probabilities": ask("/fail refusal", logprobs=True, top_logprobs=1),
    "refusal cut": ask("/fail refusal", max_tokens=3),
}


def post(api: httpx.Client, question: dict[str, Any]) -> httpx.Response:
    # httpx would write a lone surrogate as it is, and fail; JSON can escape it.
    return api.post("/chat/completions", content=json.dumps(question), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_whole_answers_are_valid_by_openais_schema(api: httpx.Client, question: dict[str, Any]) -> None:
    response = post(api, question)

    assert response.status_code == 200, response.text
    assert_valid("CreateChatCompletionResponse", response.json())


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_stream_is_valid_and_says_what_the_whole_answer_says(api: httpx.Client, question: dict[str, Any]) -> None:
    whole = post(api, question).json()
    response = post(api, question | {"stream": True, "stream_options": {"include_usage": True}})

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    chunks = payloads_of(response)
    for chunk in chunks[:-1]:
        assert_valid("CreateChatCompletionStreamResponse", chunk)
        assert chunk["usage"] is None
    assert_valid("CreateChatCompletionStreamResponse", chunks[-1])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]
    assert {chunk["id"] for chunk in chunks} == {whole["id"]}
    for choice in whole["choices"]:
        mine = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
        assert _folded(mine) == _essence(choice)


def _folded(choices: list[dict[str, Any]]) -> dict[str, Any]:
    calls: dict[int, dict[str, Any]] = {}
    for delta in (choice["delta"] for choice in choices):
        for piece in delta.get("tool_calls", []):
            call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.get("id", "")
            call["name"] += piece["function"].get("name", "")
            call["arguments"] += piece["function"]["arguments"]
    logprobs: list[Any] = []
    for choice in choices:
        if choice["logprobs"]:
            logprobs.extend(choice["logprobs"]["content"] or choice["logprobs"]["refusal"] or [])
    return {
        "text": "".join(choice["delta"].get("content") or "" for choice in choices),
        "refusal": "".join(choice["delta"].get("refusal") or "" for choice in choices),
        "reasoning": "".join(choice["delta"].get("reasoning_content") or "" for choice in choices),
        "calls": list(calls.values()),
        "logprobs": logprobs,
        "finish_reason": choices[-1]["finish_reason"],
    }


def _essence(choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    logprobs = choice["logprobs"] or {"content": None, "refusal": None}
    return {
        "text": message["content"] or "",
        "refusal": message["refusal"] or "",
        "reasoning": message.get("reasoning_content", ""),
        "calls": [{"id": call["id"], **call["function"]} for call in message.get("tool_calls", [])],
        "logprobs": logprobs["content"] or logprobs["refusal"] or [],
        "finish_reason": choice["finish_reason"],
    }


def test_the_same_question_has_the_same_answer(api: httpx.Client, world: Sandbox) -> None:
    first, second = (api.post("/chat/completions", json=ask("Hello", seed=1)).json() for _ in range(2))

    assert first.pop("created") <= second.pop("created")
    assert first == second


def test_the_answer_says_where_it_comes_from_and_repeats_the_question(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "ping pong"}]
    answer = client.chat.completions.create(model="sandbox-chat", messages=messages)

    assert "sandbox" in str(answer.choices[0].message.content)
    assert "ping pong" in str(answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "stop"


def test_chinese_is_answered_in_chinese_a_character_at_a_time(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="sandbox-chat", messages=[{"role": "user", "content": "你好"}], stream=True
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]

    assert "沙盒" in "".join(pieces)
    assert all(len(piece.strip()) <= 1 for piece in pieces if "盒" in piece or "你" in piece)
    assert len(pieces) > 20


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_at_the_limit(api: httpx.Client, limit: str) -> None:
    body = api.post("/chat/completions", json=ask("Hello", **{limit: 3})).json()

    assert body["choices"][0]["message"]["content"] == "Hello from the"
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3


def test_reasoning_counts_towards_the_limit(api: httpx.Client) -> None:
    body = api.post("/chat/completions", json=ask("Hello", model="sandbox-reasoner", max_tokens=3)).json()

    assert body["choices"][0]["message"]["content"] == ""
    assert body["choices"][0]["message"]["reasoning_content"] == "The user is"
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


def test_an_answer_ends_before_a_stop_sequence(api: httpx.Client) -> None:
    body = api.post("/chat/completions", json=ask("Hello", stop=["sandbox", "nowhere"])).json()

    assert body["choices"][0]["message"]["content"] == "Hello from the OCA Gateway "
    assert body["choices"][0]["finish_reason"] == "stop"


def test_log_probabilities_cover_every_token(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="sandbox-chat", messages=[{"role": "user", "content": "Hi"}], logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    entries = logprobs.content or []

    assert "".join(entry.token for entry in entries) == answer.choices[0].message.content
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in entries)
    assert all(bytes(entry.bytes or []).decode() == entry.token for entry in entries)


def test_long_prompts_are_cached_in_steps(api: httpx.Client) -> None:
    usage = api.post("/chat/completions", json=ask("word " * 1100)).json()["usage"]

    assert usage["prompt_tokens"] == 1107
    assert usage["prompt_tokens_details"]["cached_tokens"] == 1024


def test_a_prompt_beyond_the_models_window_is_refused(api: httpx.Client) -> None:
    window = api.get("/models/sandbox-reasoner").json()["context_window"]
    fitting, too_long = "word " * (window - 7), "word " * (window - 6)

    assert api.post("/chat/completions", json=ask(fitting, model="sandbox-reasoner")).status_code == 200
    error = api.post("/chat/completions", json=ask(too_long, model="sandbox-reasoner")).json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")


def test_usage_is_streamed_only_when_asked_for(api: httpx.Client) -> None:
    chunks = payloads_of(api.post("/chat/completions", json=ask("Hi", stream=True)))

    assert all("usage" not in chunk and chunk["choices"] for chunk in chunks)


class City(BaseModel):
    name: str = Field(min_length=2)
    founded: int = Field(ge=800, le=2100)
    districts: list[str] = Field(min_length=2)
    twin: "City | None"


def test_structured_output_fits_the_callers_model(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="sandbox-chat",
        messages=[{"role": "user", "content": "Tell me about Hangzhou, founded in 822"}],
        response_format=City,
    )
    city = answer.choices[0].message.parsed

    assert city is not None
    assert (city.name, city.founded) == ("Hangzhou", 822)


@pytest.mark.parametrize(
    ("messages", "keys"),
    [
        (
            [("user", "A joke as JSON with 'setup' and \"punch_line\" keys, please. It's urgent.")],
            {"setup", "punch_line"},
        ),
        ([("user", "用 JSON 回答，键是“城市”和「国家」")], {"城市", "国家"}),
        ([("system", "Answer in JSON with the key `verdict`."), ("user", "Is it?")], {"verdict"}),
        ([("user", "Some JSON, please, not 'a thing with blanks'")], {"answer"}),
    ],
)
def test_plain_json_has_the_keys_in_quotation_marks(
    api: httpx.Client, messages: list[tuple[str, str]], keys: set[str]
) -> None:
    question = ask("", response_format={"type": "json_object"})
    question["messages"] = [{"role": role, "content": content} for role, content in messages]

    made = json.loads(answer_in(api.post("/chat/completions", json=question)))

    assert set(made) == keys
    assert all(isinstance(value, str) and value for value in made.values())


def test_a_schema_that_nothing_satisfies_is_refused(api: httpx.Client) -> None:
    schema = {"type": "integer", "minimum": 3, "maximum": 1}
    wanted = {"type": "json_schema", "json_schema": {"name": "none", "schema": schema}}
    response = api.post("/chat/completions", json=ask("Hi", response_format=wanted))

    assert (response.status_code, response.json()["error"]["param"]) == (400, "response_format")


def test_unknown_fields_are_accepted(api: httpx.Client) -> None:
    assert api.post("/chat/completions", json=ask("Hi", x_vendor={"a": [1]}, user="u")).status_code == 200

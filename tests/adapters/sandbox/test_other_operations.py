"""Models, older completions, embeddings."""

import json
import math
from typing import Any

import httpx
import openai
import pytest

from adapters.wire.openai_models import decode_models, encode_models
from tests.adapters.sandbox.exchanges import payloads_of
from tests.adapters.sandbox.openai_schemas import assert_valid


def test_the_models_are_listed_and_shown(api: httpx.Client, client: openai.OpenAI) -> None:
    listed = api.get("/models").json()
    assert_valid("ListModelsResponse", listed)
    assert [model["id"] for model in listed["data"]] == ["sandbox-chat", "sandbox-reasoner", "sandbox-embedding"]
    assert client.models.retrieve("sandbox-chat").id == "sandbox-chat"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("vendor/none")


def test_the_chat_models_tell_what_they_can_do_in_words_that_the_gateway_shows(api: httpx.Client) -> None:
    body = api.get("/models").content
    told = {entry["id"]: entry for entry in json.loads(encode_models(decode_models(body)))["data"]}

    assert told == {entry["id"]: entry for entry in json.loads(body)["data"]}
    assert told["sandbox-chat"]["context_window"] > told["sandbox-chat"]["max_output_tokens"] > 0
    assert told["sandbox-chat"]["supports_vision"] is told["sandbox-chat"]["supports_function_calling"] is True
    assert told["sandbox-chat"]["is_reasoning_model"] is False
    assert told["sandbox-reasoner"]["is_reasoning_model"] is True
    assert set(told["sandbox-embedding"]) == {"id", "object", "created", "owned_by"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 2},
        {"echo": True},
        {"logprobs": 2},
        {"stop": "sandbox"},
        {"prompt": ["One", "Two"]},
        {"prompt": [1, 2]},
        {"prompt": [[1], [2]]},
    ],
)
def test_a_text_completion_is_valid_streamed_and_whole(api: httpx.Client, fields: dict[str, Any]) -> None:
    question = {"model": "sandbox-chat", "prompt": "Once", "max_tokens": 12, **fields}
    whole = api.post("/completions", json=question).json()
    assert_valid("CreateCompletionResponse", whole)

    streamed = question | {"stream": True, "stream_options": {"include_usage": True}}
    chunks = payloads_of(api.post("/completions", json=streamed))

    assert chunks[-1]["usage"] == whole["usage"]
    for choice in whole["choices"]:
        mine = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
        assert "".join(c["text"] for c in mine) == choice["text"]
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        if choice["logprobs"]:
            offsets = [offset for c in mine for offset in c["logprobs"]["text_offset"]]
            assert offsets == choice["logprobs"]["text_offset"]


def test_a_text_completion_is_short_unless_more_is_asked_for(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="sandbox-chat", prompt="Once upon a time")

    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16
    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize("prompt", [None, 5, [], [None], ["a", 1], [[]]])
def test_a_bad_prompt_is_refused(api: httpx.Client, prompt: Any) -> None:
    response = api.post("/completions", json={"model": "sandbox-chat", "prompt": prompt})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "prompt")


def test_both_encodings_of_an_embedding_say_the_same(api: httpx.Client, client: openai.OpenAI) -> None:
    question = {"model": "sandbox-embedding", "input": ["one", "two"], "dimensions": 8}
    plain = api.post("/embeddings", json=question).json()
    assert_valid("CreateEmbeddingResponse", plain)

    packed = api.post("/embeddings", json=question | {"encoding_format": "base64"}).json()
    assert isinstance(packed["data"][0]["embedding"], str)
    unpacked = client.embeddings.create(model="sandbox-embedding", input=["one", "two"], dimensions=8)

    for here, there in zip(plain["data"], unpacked.data, strict=True):
        assert len(there.embedding) == 8
        assert there.embedding == pytest.approx(here["embedding"])
        assert math.hypot(*here["embedding"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": {}}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_a_bad_embedding_request_is_refused(api: httpx.Client, fields: dict[str, Any], param: str) -> None:
    response = api.post("/embeddings", json={"model": "sandbox-embedding", **fields})

    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_similar_texts_lie_closer_than_others(client: openai.OpenAI) -> None:
    texts = ["the cat sat on the mat", "the cat sat on the sofa", "quarterly revenue grew sharply"]
    cat, other_cat, money = (
        entry.embedding for entry in client.embeddings.create(model="sandbox-embedding", input=texts).data
    )

    assert _likeness(cat, other_cat) > _likeness(cat, money) + 0.3


def _likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))

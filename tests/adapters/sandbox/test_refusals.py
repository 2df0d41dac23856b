"""What the upstream refuses, and how it says so."""

import json
from typing import Any

import httpx
import openai
import pytest

from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.exchanges import WEATHER, ask
from tests.adapters.sandbox.openai_schemas import assert_valid

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}


def with_messages(*messages: Any) -> dict[str, Any]:
    return {"model": "sandbox-chat", "messages": list(messages)}


def json_schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [USER]}, "model"),
        ({"messages": [USER], "model": 7}, "model"),
        ({"model": "sandbox-chat"}, "messages"),
        ({"model": "sandbox-chat", "messages": "Hi"}, "messages"),
        ({"model": "sandbox-chat", "messages": []}, "messages"),
        (with_messages("Hi"), "messages[0]"),
        (with_messages({"content": "Hi"}), "messages[0].role"),
        (with_messages({"role": "robot", "content": "Hi"}), "messages[0].role"),
        (with_messages({"role": ["user"], "content": "Hi"}), "messages[0].role"),
        (with_messages({"role": "user"}), "messages[0].content"),
        (with_messages({"role": "user", "content": None}), "messages[0].content"),
        (with_messages({"role": "user", "content": 5}), "messages[0].content"),
        (with_messages({"role": "user", "content": []}), "messages[0].content"),
        (with_messages({"role": "user", "content": ["Hi"]}), "messages[0].content[0]"),
        (with_messages({"role": "user", "content": [{"text": "Hi"}]}), "messages[0].content[0].type"),
        (with_messages({"role": "user", "content": [{"type": "smell"}]}), "messages[0].content[0].type"),
        (with_messages({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0].text"),
        (
            with_messages({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}),
            "messages[0].content[0].image_url",
        ),
        (
            with_messages({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}),
            "messages[0].content[0].image_url.url",
        ),
        (
            with_messages({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
            "messages[0].content[0].type",
        ),
        (with_messages(USER | {"name": 5}), "messages[0].name"),
        (with_messages(USER | {"name": "a b"}), "messages[0].name"),
        (with_messages(USER | {"name": ""}), "messages[0].name"),
        (with_messages(USER, {"role": "assistant"}), "messages[1].content"),
        (with_messages(USER, {"role": "assistant", "tool_calls": []}), "messages[1].tool_calls"),
        (with_messages(USER, {"role": "assistant", "tool_calls": [{"id": "c"}]}), "messages[1].tool_calls[0].type"),
        (with_messages(USER, {"role": "assistant", "tool_calls": {}}), "messages[1].tool_calls"),
        (with_messages(USER, {"role": "assistant", "tool_calls": [1]}), "messages[1].tool_calls[0]"),
        (with_messages(USER, {"role": "assistant", "tool_calls": [CALL | {"id": 1}]}), "messages[1].tool_calls[0].id"),
        (
            with_messages(USER, {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f"}}]}),
            "messages[1].tool_calls[0].function.arguments",
        ),
        (with_messages(USER, CALLING), "messages[1].tool_calls"),
        (with_messages(USER, CALLING, USER), "messages[1].tool_calls"),
        (with_messages(USER, {"role": "tool", "content": "x"}), "messages[1].tool_call_id"),
        (with_messages(USER, {"role": "tool", "content": "x", "tool_call_id": "c1"}), "messages[1].role"),
        (with_messages(USER, CALLING, {"role": "tool", "content": "x", "tool_call_id": "c2"}), "messages[2].role"),
        (ask("Hi", stream="yes"), "stream"),
        (ask("Hi", n=0), "n"),
        (ask("Hi", n=True), "n"),
        (ask("Hi", max_tokens=0), "max_tokens"),
        (ask("Hi", max_tokens=1.5), "max_tokens"),
        (ask("Hi", max_tokens=1, max_completion_tokens=1), "max_tokens"),
        (ask("Hi", temperature=2.5), "temperature"),
        (ask("Hi", temperature="hot"), "temperature"),
        (ask("Hi", top_p=-1), "top_p"),
        (ask("Hi", seed="x"), "seed"),
        (ask("Hi", stop=5), "stop"),
        (ask("Hi", stop=["a"] * 5), "stop"),
        (ask("Hi", stream_options={"include_usage": True}), "stream_options"),
        (ask("Hi", stream=True, stream_options=5), "stream_options"),
        (ask("Hi", stream=True, stream_options={"include_usage": 1}), "stream_options.include_usage"),
        (ask("Hi", top_logprobs=2), "top_logprobs"),
        (ask("Hi", logprobs=True, top_logprobs=21), "top_logprobs"),
        (ask("Hi", tools={}), "tools"),
        (ask("Hi", tools=[]), "tools"),
        (ask("Hi", tools=[5]), "tools[0]"),
        (ask("Hi", tools=[{"function": {"name": "f"}}]), "tools[0].type"),
        (ask("Hi", tools=[{"type": "web_search"}]), "tools[0].type"),
        (ask("Hi", tools=[{"type": "function"}]), "tools[0].function"),
        (ask("Hi", tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
        (ask("Hi", tools=[{"type": "function", "function": {"name": "a b"}}]), "tools[0].function.name"),
        (
            ask("Hi", tools=[{"type": "function", "function": {"name": "f", "parameters": 1}}]),
            "tools[0].function.parameters",
        ),
        (ask("Hi", tools=[{"type": "function", "function": {"name": "f", "strict": 1}}]), "tools[0].function.strict"),
        (
            ask("f", tools=[{"type": "function", "function": {"name": "f", "parameters": {"$ref": "#/nowhere"}}}]),
            "tools[0].function.parameters",
        ),
        (ask("Hi", tool_choice="auto"), "tool_choice"),
        (ask("Hi", tools=[WEATHER], tool_choice="maybe"), "tool_choice"),
        (
            ask("Hi", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "other"}}),
            "tool_choice",
        ),
        (ask("Hi", response_format="json"), "response_format"),
        (ask("Hi", response_format={}), "response_format.type"),
        (ask("Hi", response_format={"type": "yaml"}), "response_format.type"),
        (ask("Hi", response_format={"type": "json_object"}), "messages"),
        (ask("Hi", response_format={"type": "json_schema"}), "response_format.json_schema"),
        (ask("Hi", response_format=json_schema(None)), "response_format.json_schema.schema"),
        (ask("Hi", response_format=json_schema({"$ref": "#"})), "response_format"),
    ],
)
def test_a_bad_question_is_refused_by_the_name_of_its_fault(
    api: httpx.Client, body: dict[str, Any], param: str
) -> None:
    response = api.post("/chat/completions", json=body)

    assert response.status_code == 400
    assert_valid("ErrorResponse", response.json())
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_null_means_not_sent(api: httpx.Client) -> None:
    optional = (
        "temperature top_p n max_tokens max_completion_tokens stop stream stream_options seed tools tool_choice "
        "parallel_tool_calls response_format logprobs top_logprobs"
    )
    response = api.post("/chat/completions", json=ask("Hi", **dict.fromkeys(optional.split())))

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_a_body_that_is_no_json_object_is_refused(api: httpx.Client, content: bytes) -> None:
    response = api.post("/chat/completions", content=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert_valid("ErrorResponse", response.json())


def test_another_content_type_is_refused(api: httpx.Client) -> None:
    response = api.post("/chat/completions", content=json.dumps(ask("Hi")), headers={"Content-Type": "text/plain"})

    assert response.status_code == 415
    assert_valid("ErrorResponse", response.json())


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-0", messages=[{"role": "user", "content": "Hi"}])

    assert caught.value.code == "model_not_found"
    assert "`gpt-0`" in caught.value.message


@pytest.mark.parametrize(
    ("path", "model", "status"),
    [
        ("/chat/completions", "sandbox-embedding", 404),
        ("/completions", "sandbox-embedding", 404),
        ("/embeddings", "sandbox-chat", 403),
    ],
)
def test_a_model_serves_only_what_it_is_for(api: httpx.Client, path: str, model: str, status: int) -> None:
    response = api.post(path, json=ask("Hi", model=model, prompt="Hi", input="Hi"))

    assert (response.status_code, response.json()["error"]["param"]) == (status, "model")


@pytest.mark.parametrize("authorization", [None, "Basic eDp5", "Bearer", "Bearer nonsense"])
def test_without_a_valid_token_nothing_is_served(world: Sandbox, http: httpx.Client, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for response in (
        http.get(world.models_url, headers=headers),
        http.post(world.chat_url, json=ask("Hi"), headers=headers),
    ):
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith('Bearer realm="')
        assert_valid("ErrorResponse", response.json())


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/chat/completions", 405)])
def test_an_unknown_address_is_refused_in_openais_shape(api: httpx.Client, method: str, path: str, status: int) -> None:
    response = api.request(method, path)

    assert response.status_code == status
    assert_valid("ErrorResponse", response.json())

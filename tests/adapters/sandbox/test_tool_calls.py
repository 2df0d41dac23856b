"""Which tools are called, with what, and what becomes of their results."""

import json
from typing import Any

import httpx
import openai
import pytest

from tests.adapters.sandbox.exchanges import CLOCK, WEATHER, ask


def calls_in(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    assert response.status_code == 200, response.text
    calls = response.json()["choices"][0]["message"].get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize(
    ("text", "fields", "names"),
    [
        ("get_weather in Paris", {}, ["get_weather"]),
        ("What is the weather?", {}, ["get_weather"]),
        ("Please use the tool", {}, ["get_weather"]),
        ("请调用工具", {}, ["get_weather"]),
        ("Hello", {}, []),
        ("get_weather and tell_time", {}, ["get_weather", "tell_time"]),
        ("get_weather and tell_time", {"parallel_tool_calls": False}, ["get_weather"]),
        ("get_weather", {"tool_choice": "none"}, []),
        ("Hello", {"tool_choice": "required"}, ["get_weather"]),
        ("tell_time", {"tool_choice": "required"}, ["tell_time"]),
        ("Hello", {"tool_choice": {"type": "function", "function": {"name": "tell_time"}}}, ["tell_time"]),
    ],
)
def test_tools_are_called_when_asked_for(
    api: httpx.Client, text: str, fields: dict[str, Any], names: list[str]
) -> None:
    response = api.post("/chat/completions", json=ask(text, tools=[WEATHER, CLOCK], **fields))

    assert [name for name, _ in calls_in(response)] == names


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("get_weather(1) and get_weather(2)", [("get_weather", 1), ("get_weather", 2)]),
        ("get_weather(2), then get_weather(1), and once more get_weather(2)", [("get_weather", 2), ("get_weather", 1)]),
        ("get_weather_radar(5)", [("get_weather_radar", 5)]),
        ("get_weather_radar in 3, get_weather in 3", [("get_weather_radar", 3), ("get_weather", 3)]),
        ("请用get_weather查 7", [("get_weather", 7)]),
        ("How is the weather in 4 days?", [("get_weather", 4)]),
        ("How is the weather on the radar in 4 days?", [("get_weather_radar", 4)]),
    ],
)
def test_each_wish_is_one_call(api: httpx.Client, text: str, calls: list[tuple[str, int]]) -> None:
    parameters = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": parameters}}
        for name in ("get_weather", "get_weather_radar")
    ]
    made = calls_in(api.post("/chat/completions", json=ask(text, tools=tools)))

    assert made == [(name, {"days": days}) for name, days in calls]
    alone = calls_in(api.post("/chat/completions", json=ask(text, tools=tools, parallel_tool_calls=False)))
    assert alone == made[:1]


def test_arguments_come_from_the_text(api: httpx.Client) -> None:
    question = ask("What is the weather in Paris for the next 3 days, in fahrenheit?", tools=[WEATHER])

    assert calls_in(api.post("/chat/completions", json=question)) == [
        ("get_weather", {"city": "Paris", "days": 3, "unit": "fahrenheit"})
    ]


def test_arguments_are_streamed_in_pieces_after_id_and_name(client: openai.OpenAI) -> None:
    tools: list[Any] = [WEATHER]
    stream = client.chat.completions.create(
        model="sandbox-chat", messages=[{"role": "user", "content": "get_weather in Oslo"}], tools=tools, stream=True
    )
    pieces = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or []]

    assert pieces[0].id
    assert pieces[0].function is not None
    assert (pieces[0].function.name, pieces[0].function.arguments) == ("get_weather", "")
    assert len(pieces) > 3
    assert all(piece.id is None for piece in pieces[1:])


def test_a_tools_result_is_answered_in_text(client: openai.OpenAI) -> None:
    tools: list[Any] = [WEATHER]
    messages: list[Any] = [{"role": "user", "content": "get_weather in Oslo"}]
    asked = client.chat.completions.create(model="sandbox-chat", messages=messages, tools=tools).choices[0]
    assert asked.finish_reason == "tool_calls"
    assert asked.message.tool_calls
    messages.append(asked.message.to_dict())
    messages.append({"role": "tool", "tool_call_id": asked.message.tool_calls[0].id, "content": "7 degrees"})

    answer = client.chat.completions.create(model="sandbox-chat", messages=messages, tools=tools).choices[0]

    assert answer.finish_reason == "stop"
    assert "get_weather answered: 7 degrees" in str(answer.message.content)


def test_a_tools_result_is_answered_in_the_users_language(api: httpx.Client) -> None:
    question = ask("请用 get_weather 查北京", model="sandbox-reasoner", tools=[WEATHER])
    message = api.post("/chat/completions", json=question).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "晴"}
    question["messages"] += [message, result]

    answer = api.post("/chat/completions", json=question).json()["choices"][0]["message"]

    assert "get_weather 的结果是：晴" in answer["content"]
    assert "沙盒" in answer["reasoning_content"]

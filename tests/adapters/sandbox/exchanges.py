"""What the tests of the sandbox say to it over the wire."""

import json
from typing import Any

import httpx

from adapters.sandbox.server import Sandbox

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 1},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "days", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "tell_time"}}


def refresh(http: httpx.Client, sandbox: Sandbox, refresh_token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": sandbox.client_id}
    return http.post(sandbox.token_endpoint, data=form)


def access_token_of(response: httpx.Response) -> str:
    return str(response.json()["access_token"])


def refresh_token_of(response: httpx.Response) -> str:
    return str(response.json()["refresh_token"])


def ask(text: str, **fields: Any) -> dict[str, Any]:
    """A chat request of one user message."""
    return {"model": "sandbox-chat", "messages": [{"role": "user", "content": text}], **fields}


def payloads_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON of a stream's events; the stream must end with its [DONE]."""
    events = response.content.split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    return [json.loads(event.removeprefix(b"data: ")) for event in events[:-2]]

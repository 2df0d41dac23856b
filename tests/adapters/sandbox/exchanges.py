"""What the tests of the sandbox say to it over the wire."""

import base64
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

PNG = b"\x89PNG\r\n\x1a\n..."
JPEG = b"\xff\xd8\xff\xe0..."
GIF = b"GIF89a..."
WEBP = b"RIFF....WEBP..."
# Two seconds: the bytes of one stand at their place in the head (RIFF/WAVE, "fmt ").
WAV = b"RIFF....WAVEfmt ............" + (8000).to_bytes(4, "little") + bytes(16_000)
MP3 = b"\xff\xfb\x90\x64" + bytes(16_000)
PDF = b"%PDF-1.4\n..."


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


def data_url(mime_type: str, data: bytes) -> str:
    return f"data:{mime_type};base64,{in_base64(data)}"


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def image_part(url: str = data_url("image/png", PNG), **fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **fields}}


def audio_part(data: str = in_base64(WAV), kind: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


def file_part(**fields: Any) -> dict[str, Any]:
    """A PDF unless told otherwise."""
    known = {"file_data": data_url("application/pdf", PDF), "filename": "test_file.pdf"}
    return {"type": "file", "file": fields or known}


def show(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chat request of one user message of several parts."""
    return ask("", **fields) | {"messages": [{"role": "user", "content": list(parts)}]}


def result_of(tool: str, content: Any, question: str = "Hello") -> dict[str, Any]:
    """A chat request that ends with a tool's result."""
    call = {"id": "c1", "type": "function", "function": {"name": tool, "arguments": "{}"}}
    return ask("") | {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": content},
        ]
    }


def answer_in(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def payloads_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON of a stream's events; the stream must end with its [DONE]."""
    events = response.content.split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    return [json.loads(event.removeprefix(b"data: ")) for event in events[:-2]]

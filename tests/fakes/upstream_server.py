"""A chat upstream for tests that answers, streams and misbehaves as it is told, over a real socket.

    with UpstreamServer() as upstream:
        ...  # ask upstream.api_url; it answers "Hello", streamed or not
        upstream.behaviour = streaming(word("Hel"), hang_up)
        assert upstream.bodies[-1]["stream"] is True

It takes any key. A piece of a stream is bytes, or a function that does something else with the connection.
"""

import json
import ssl
from collections.abc import Callable
from typing import Any, TypeAlias

from domain.http import Headers
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest, WireServer

Piece: TypeAlias = bytes | Callable[[WireConnection], None]

EVENT_STREAM: Headers = (("Content-Type", "text/event-stream"),)
JSON: Headers = (("Content-Type", "application/json"),)
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ANSWER_ID = "chatcmpl-1"
MODEL = "upstream-model-2026"


def event(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


def chunk(
    delta: dict[str, Any] | None = None, *, finish: str | None = None, index: int = 0, **more: Any
) -> dict[str, Any]:
    """One chunk of a chat completion; without delta and finish reason it has no choices."""
    choice: dict[str, Any] = {"index": index, "delta": delta or {}}
    if finish is not None:
        choice["finish_reason"] = finish
    choices = [] if delta is None and finish is None else [choice]
    return {"id": ANSWER_ID, "object": "chat.completion.chunk", "model": MODEL, "choices": choices, **more}


def word(text: str) -> bytes:
    return event(chunk({"content": text}))


def stop(reason: str = "stop") -> bytes:
    return event(chunk(finish=reason))


def whole(text: str = "Hello", **message: Any) -> bytes:
    """A whole answer that does not stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    answer = {"id": ANSWER_ID, "object": "chat.completion", "model": MODEL, "choices": [choice], "usage": USAGE}
    return json.dumps(answer).encode()


def error_body(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "param": None, "code": None, **more}}).encode()


HELLO: tuple[bytes, ...] = (word("Hel"), word("lo"), stop(), event(chunk(usage=USAGE)), DONE)


def streaming(*pieces: Piece, end: bool = True) -> Behaviour:
    """Answers with this stream, whatever was asked for; without `end` the body stays open and so does the wait."""

    def behave(connection: WireConnection, _request: WireRequest) -> None:
        connection.begin_chunked(headers=EVENT_STREAM)
        for piece in pieces:
            if isinstance(piece, bytes):
                connection.chunk(piece)
            else:
                piece(connection)
        if end:
            connection.end_chunked()
        else:
            connection.pause()

    return behave


def replying(body: bytes, *, status: int = 200, headers: Headers = JSON) -> Behaviour:
    return lambda connection, _request: connection.reply(body, status=status, headers=headers)


def answering(connection: WireConnection, request: WireRequest) -> None:
    """An upstream that is well: "Hello", streamed or not; three models."""
    if request.method == "GET":
        connection.reply(json.dumps({"data": [{"id": name} for name in ("m", "n", "o")]}).encode(), headers=JSON)
    elif request.method != "POST":
        connection.reply(status=405)
    elif json.loads(request.body).get("stream"):
        streaming(*HELLO)(connection, request)
    else:
        connection.reply(whole(), headers=JSON)


def silence(connection: WireConnection, _request: WireRequest | None = None) -> None:
    """Says nothing (more) until the client goes away."""
    connection.pause()


def hang_up(connection: WireConnection) -> None:
    connection.reset()


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour for each request, the last one for all that follow."""
    left = list(behaviours)

    def behave(connection: WireConnection, request: WireRequest) -> None:
        chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(connection, request)

    return behave


class UpstreamServer(WireServer):
    """A context manager. `behaviour` may be changed at any time; it holds for the requests that arrive afterwards."""

    def __init__(self, behaviour: Behaviour = answering, *, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour: Behaviour = behaviour
        super().__init__(self._behave_now, tls=tls)

    @property
    def api_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def asked(self) -> list[WireRequest]:
        """The questions, without requests for the model list and other looks at the server."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.asked]

    def env_text(self, key: str = "sk-unchanging-key-0123456789", **more: object) -> str:
        """The text of a `.env` that points here, with a key in place of a login."""
        settings = {"LLM_API_KEY": key, "LLM_API_URL": self.api_url, "LLM_MODEL_NAME": "m", **more}
        return "".join(f"{name}='{value}'\n" for name, value in settings.items())

    def _behave_now(self, connection: WireConnection, request: WireRequest) -> None:
        self.behaviour(connection, request)

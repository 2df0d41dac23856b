"""The bytes of both ends of the benchmark: what is asked, and what the upstream answers."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

KEY = "sk-benchmark"
MODEL = "benchmark-chat"
# As long as those that companies' servers issue.
TOKEN = "eyJ" + "benchmark-token-" * 50
TOKEN_PATH = b"/oauth2/v1/token"
_ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
_USAGE = {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the upstream is to do: answer whole (no chunks), or stream `chunks`, `interval_ms` apart; and then wait."""

    chunks: int = 0
    interval_ms: float = 0
    then_silent: bool = False


def request(wish: Wish, *, filler: int = 0, host: str = "127.0.0.1") -> bytes:
    """A chat request as OpenAI's client sends it, with a question of `filler` bytes more than needed."""
    body = json.dumps(
        {
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "Tell me about rivers." + "x" * filler},
            ],
            "model": MODEL,
            "stream": wish.chunks > 0,
            "temperature": 0.2,
            "benchmark": {"chunks": wish.chunks, "interval_ms": wish.interval_ms, "then_silent": wish.then_silent},
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 2.0.0\r\n"
        f"X-Stainless-Lang: python\r\nX-Stainless-Retry-Count: 0\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def wish_in(body: bytes) -> Wish:
    at = body.rfind(b'"benchmark"')
    if at < 0:
        # A probe of the contestant's own.
        return Wish()
    asked: dict[str, Any] = json.loads(body[body.index(b"{", at) : body.index(b"}", at) + 1])
    return Wish(**asked)


def json_answer(document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@cache
def whole_answer() -> bytes:
    words = "Rivers carry water from the mountains to the sea, and everything that people throw into them. " * 2
    message = {"role": "assistant", "content": words, "refusal": None}
    return json_answer(
        {
            **_ENVELOPE,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": _USAGE,
        }
    )


@cache
def event(at: int) -> bytes:
    """One event of a stream, framed as one HTTP chunk."""
    return _framed({"choices": [{"index": 0, "delta": {"content": f" word{at}"}, "finish_reason": None}]})


@cache
def last_events() -> bytes:
    finish = _framed({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": _USAGE})
    return finish + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def _framed(more: dict[str, Any]) -> bytes:
    data = b"data: " + json.dumps({**_ENVELOPE, **more}, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)

"""A chat answer on the wire: OpenAI's `chat.completion`, or the chunks of its stream."""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

from adapters.sandbox.completions import Choice, Completion
from adapters.sandbox.json_values import JsonObject, json_bytes
from adapters.sandbox.tokens import token_logprob

DONE = b"data: [DONE]\n\n"
FINGERPRINT = "fp_sandbox0001"


def sse_event(payload: object) -> bytes:
    return b"data: " + json_bytes(payload) + b"\n\n"


def whole_answer(completion: Completion) -> JsonObject:
    """OpenAI's `CreateChatCompletionResponse`."""
    return {
        **_envelope(completion, "chat.completion"),
        "choices": [_whole_choice(completion, choice) for choice in completion.choices],
        "usage": completion.usage,
    }


def answer_chunks(completion: Completion) -> Iterator[JsonObject]:
    """The stream of OpenAI's `CreateChatCompletionStreamResponse`; several choices take turns."""
    envelope = _envelope(completion, "chat.completion.chunk")
    include_usage = completion.call.include_usage
    streams = (_choice_chunks(completion, choice) for choice in completion.choices)
    for chunk in chain.from_iterable(zip_longest(*streams)):
        if chunk is not None:
            yield {**envelope, "choices": [chunk], **({"usage": None} if include_usage else {})}
    if include_usage:
        yield {**envelope, "choices": [], "usage": completion.usage}


def _envelope(completion: Completion, kind: str) -> JsonObject:
    return {
        "id": completion.id,
        "object": kind,
        "created": completion.created,
        "model": completion.call.model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def _whole_choice(completion: Completion, choice: Choice) -> JsonObject:
    message: JsonObject = {
        "role": "assistant",
        "content": None if choice.tool_calls or choice.refusal else "".join(choice.text),
        "refusal": "".join(choice.refusal) or None,
        "annotations": [],
    }
    if choice.reasoning:
        message["reasoning_content"] = "".join(choice.reasoning)
    if choice.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.slices)},
            }
            for call in choice.tool_calls
        ]
    return {
        "index": choice.index,
        "message": message,
        "logprobs": _logprobs(completion, choice.text, choice.refusal),
        "finish_reason": choice.finish_reason,
    }


def _choice_chunks(completion: Completion, choice: Choice) -> Iterator[JsonObject]:
    def chunk(delta: JsonObject, logprobs: JsonObject | None = None, finish_reason: str | None = None) -> JsonObject:
        return {"index": choice.index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}

    yield chunk({"role": "assistant", "content": None if choice.tool_calls or choice.refusal else "", "refusal": None})
    for piece in choice.reasoning:
        yield chunk({"reasoning_content": piece})
    for piece in choice.text:
        yield chunk({"content": piece}, _logprobs(completion, [piece]))
    for piece in choice.refusal:
        yield chunk({"refusal": piece}, _logprobs(completion, [], [piece]))
    for index, call in enumerate(choice.tool_calls):
        head = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [head]})
        for piece in call.slices:
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, finish_reason=choice.finish_reason)


def _logprobs(completion: Completion, text: Sequence[str], refusal: Sequence[str] = ()) -> dict[str, Any] | None:
    if not completion.call.logprobs:
        return None
    content, refused = (
        [token_logprob(piece, completion.call.top_logprobs) for piece in pieces] for pieces in (text, refusal)
    )
    return {"content": None if refused else content, "refusal": refused or None}

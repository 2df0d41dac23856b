"""A chat answer, counted and cut to what the caller allows: what both the stream and the whole answer are made of."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.answers import Answer, answer_to
from adapters.sandbox.chat_messages import tool_calls_of
from adapters.sandbox.chat_requests import ChatCall
from adapters.sandbox.content_parts import seen_in, text_of
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.models import CHAT_MODELS
from adapters.sandbox.refusals import context_exceeded
from adapters.sandbox.tokens import count_tokens, pieces_of

TOKENS_PER_MESSAGE = 4
TOKENS_PER_IMAGE = 85
TOKENS_PER_DOCUMENT = 258
# As OpenAI's prompt cache: from 1024 tokens on, in steps of 128.
CACHED_FROM = 1024
CACHED_STEP = 128
ARGUMENTS_SLICE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CutCall:
    """A tool call with its arguments in slices, each of them one token."""

    id: str
    name: str
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of `n` answers, in tokens. With tool calls or a refusal there is no text."""

    index: int
    reasoning: tuple[str, ...]
    text: tuple[str, ...]
    tool_calls: tuple[CutCall, ...]
    finish_reason: str
    refusal: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        slices = sum(len(call.slices) for call in self.tool_calls)
        return len(self.reasoning) + len(self.text) + len(self.refusal) + slices


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole answer. `created` is in seconds since the epoch, as on the wire.

    audio_tokens: the part of `prompt_tokens` that recordings take.
    """

    id: str
    created: int
    call: ChatCall
    choices: tuple[Choice, ...]
    prompt_tokens: int
    audio_tokens: int

    @property
    def usage(self) -> dict[str, Any]:
        """OpenAI's `CompletionUsage`."""
        completion_tokens = sum(choice.tokens for choice in self.choices)
        reasoning_tokens = sum(len(choice.reasoning) for choice in self.choices)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
            "prompt_tokens_details": {
                # Recordings are not cached: so each of these tokens is one thing or the other.
                "cached_tokens": cached_tokens(self.prompt_tokens - self.audio_tokens),
                "audio_tokens": self.audio_tokens,
            },
            "completion_tokens_details": {
                "reasoning_tokens": reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def complete(call: ChatCall, body: JsonObject, *, created: int, refuses: bool = False) -> Completion:
    """The answer to a checked body; the same body has the same answer, ids included. Raises RefusedRequestError."""
    digest = digest_of(body)
    audio_tokens = sum(sum(seen_in(message).recordings) for message in call.messages)
    prompt_tokens = _prompt_tokens(call) + audio_tokens
    window = CHAT_MODELS[call.model].context_window
    if prompt_tokens > window:
        raise context_exceeded(window, prompt_tokens)
    answer = answer_to(call, refuses=refuses)
    return Completion(
        id=f"chatcmpl-{digest[:29]}",
        created=created,
        call=call,
        choices=tuple(_choice(index, answer, call, digest) for index in range(call.n)),
        prompt_tokens=prompt_tokens,
        audio_tokens=audio_tokens,
    )


def digest_of(body: JsonObject) -> str:
    """A name for a question, whether its answer is to be streamed or not."""
    asked = {key: value for key, value in body.items() if key not in {"stream", "stream_options"}}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def cached_tokens(prompt_tokens: int) -> int:
    return 0 if prompt_tokens < CACHED_FROM else prompt_tokens // CACHED_STEP * CACHED_STEP


def cut_text(text: str, *, stop: tuple[str, ...], budget: int | None) -> tuple[tuple[str, ...], str]:
    """The tokens of a text up to the first stop sequence and within the budget, and the finish reason."""
    ends = [at for at in (text.find(sequence) for sequence in stop) if at >= 0]
    pieces = pieces_of(text[: min(ends)] if ends else text)
    if budget is not None and len(pieces) > budget:
        return pieces[:budget], "length"
    return pieces, "stop"


def _choice(index: int, answer: Answer, call: ChatCall, digest: str) -> Choice:
    budget = call.max_tokens
    reasoning = pieces_of(answer.reasoning)
    if budget is not None:
        cut_off = len(reasoning) >= budget
        reasoning = reasoning[:budget]
        budget -= len(reasoning)
        if cut_off:
            return Choice(index=index, reasoning=reasoning, text=(), tool_calls=(), finish_reason="length")
    if answer.tool_calls:
        calls, complete_calls = _cut_calls(index, answer, digest, budget)
        reason = "length" if not complete_calls else "stop" if call.forced else "tool_calls"
        return Choice(index=index, reasoning=reasoning, text=(), tool_calls=calls, finish_reason=reason)
    if answer.refusal:
        pieces, reason = cut_text(answer.refusal, stop=call.stop, budget=budget)
        return Choice(index=index, reasoning=reasoning, text=(), tool_calls=(), finish_reason=reason, refusal=pieces)
    text = f"({index + 1}) {answer.text}" if index and call.schema is None else answer.text
    pieces, reason = cut_text(text, stop=call.stop, budget=budget)
    return Choice(index=index, reasoning=reasoning, text=pieces, tool_calls=(), finish_reason=reason)


def _cut_calls(index: int, answer: Answer, digest: str, budget: int | None) -> tuple[tuple[CutCall, ...], bool]:
    """The calls as far as the budget goes, and whether that is all of them."""
    calls: list[CutCall] = []
    for number, planned in enumerate(answer.tool_calls):
        text = planned.arguments
        slices = tuple(text[at : at + ARGUMENTS_SLICE] for at in range(0, len(text), ARGUMENTS_SLICE))
        kept = slices if budget is None else slices[:budget]
        if not kept:
            return tuple(calls), False
        name = hashlib.sha256(f"{digest} {index} {number}".encode()).hexdigest()
        calls.append(CutCall(id=f"call_{name[:24]}", name=planned.name, slices=kept))
        if len(kept) < len(slices):
            return tuple(calls), False
        if budget is not None:
            budget -= len(kept)
    return tuple(calls), True


def _prompt_tokens(call: ChatCall) -> int:
    """All but the recordings."""
    total = 3
    for message in call.messages:
        seen = seen_in(message)
        total += TOKENS_PER_MESSAGE + count_tokens(text_of(message))
        total += TOKENS_PER_IMAGE * seen.images + TOKENS_PER_DOCUMENT * len(seen.documents)
        for asked in tool_calls_of(message):
            total += count_tokens(asked["function"]["arguments"]) + 1
    return total + sum(count_tokens(json.dumps(tool.parameters)) + 1 for tool in call.tools)

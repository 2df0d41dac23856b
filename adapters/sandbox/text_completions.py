"""`POST /v1/completions`, OpenAI's older way to ask: a prompt instead of messages."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.sandbox.answers import plain_answer
from adapters.sandbox.chat_requests import (
    check_sampling,
    read_boolean,
    read_include_usage,
    read_integer,
    read_stop,
)
from adapters.sandbox.completions import cut_text, digest_of
from adapters.sandbox.json_values import JsonObject, as_array
from adapters.sandbox.refusals import RefusedRequestError, invalid_type, missing_parameter
from adapters.sandbox.streams import FINGERPRINT
from adapters.sandbox.tokens import count_tokens, logprob_of, pieces_of, rivals_of

# OpenAI's own default: an answer to a caller who sets no limit is short.
DEFAULT_MAX_TOKENS = 16
MOST_LOGPROBS = 5
MOST_CHOICES = 128
MOST_PROMPTS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChoice:
    """One continuation of one prompt, in tokens."""

    index: int
    pieces: tuple[str, ...]
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCompletion:
    """A whole answer. `logprobs` is how many rivals of each token are shown; None for no log probabilities."""

    envelope: JsonObject
    choices: tuple[TextChoice, ...]
    usage: JsonObject
    logprobs: int | None
    stream: bool
    include_usage: bool


def complete_text(body: JsonObject, *, created: int) -> TextCompletion:
    """The answer to a body whose model is known to exist. Raises RefusedRequestError."""
    prompts = read_prompts(body)
    stream = read_boolean(body, "stream")
    budget = read_integer(body, "max_tokens", 0)
    stop = read_stop(body)
    check_sampling(body)
    echo = read_boolean(body, "echo")
    n = read_integer(body, "n", 1, MOST_CHOICES) or 1
    choices: list[TextChoice] = []
    completion_tokens = 0
    for prompt in prompts:
        pieces, reason = cut_text(
            plain_answer(prompt), stop=stop, budget=DEFAULT_MAX_TOKENS if budget is None else budget
        )
        completion_tokens += n * len(pieces)
        shown = pieces_of(prompt) + pieces if echo else pieces
        choices.extend(
            TextChoice(index=len(choices) + number, pieces=shown, finish_reason=reason) for number in range(n)
        )
    prompt_tokens = sum(count_tokens(prompt) for prompt in prompts)
    return TextCompletion(
        envelope={
            "id": f"cmpl-{digest_of(body)[:29]}",
            "object": "text_completion",
            "created": created,
            "model": body["model"],
            "system_fingerprint": FINGERPRINT,
        },
        choices=tuple(choices),
        usage={
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
        logprobs=read_integer(body, "logprobs", 0, MOST_LOGPROBS),
        stream=stream,
        include_usage=read_include_usage(body, stream=stream),
    )


def read_prompts(body: JsonObject) -> list[str]:
    """The prompts: one or several, as text or as token numbers. Raises RefusedRequestError."""
    if body.get("prompt") is None:
        raise missing_parameter("prompt")
    return read_texts(body["prompt"], "prompt")


def read_texts(value: object, param: str) -> list[str]:
    """A string, an array of strings, of token numbers, or of arrays of those: as texts. Raises RefusedRequestError."""
    if isinstance(value, str):
        return [value]
    items = as_array(value)
    if items is None:
        raise invalid_type(param, "a string or an array", value)
    if not items or len(items) > MOST_PROMPTS:
        raise RefusedRequestError(
            f"Invalid '{param}': expected an array of 1 to {MOST_PROMPTS} items.", param=param, code="invalid_value"
        )
    if all(isinstance(item, str) for item in items):
        return items
    # Token numbers of a foreign tokenizer mean nothing here; each stands for one word.
    if _are_numbers(items):
        return [" ".join(map(str, items))]
    arrays = [as_array(item) for item in items]
    if all(array and _are_numbers(array) for array in arrays):
        return [" ".join(map(str, array or [])) for array in arrays]
    raise invalid_type(param, "a string, or an array of strings or of token numbers", value)


def whole_text(completion: TextCompletion) -> JsonObject:
    """OpenAI's `CreateCompletionResponse`."""
    choices = [
        _choice(completion, choice.index, choice.pieces, choice.finish_reason, offset=0)
        for choice in completion.choices
    ]
    return {**completion.envelope, "choices": choices, "usage": completion.usage}


def text_chunks(completion: TextCompletion) -> Iterator[JsonObject]:
    """The same, a token at a time; the finish reason stands in a last chunk without text."""
    absent: JsonObject = {"usage": None} if completion.include_usage else {}
    for choice in completion.choices:
        offset = 0
        for piece in choice.pieces:
            chunk = _choice(completion, choice.index, (piece,), None, offset=offset)
            yield {**completion.envelope, "choices": [chunk], **absent}
            offset += len(piece)
        last = _choice(completion, choice.index, (), choice.finish_reason, offset=offset)
        yield {**completion.envelope, "choices": [last], **absent}
    if completion.include_usage:
        yield {**completion.envelope, "choices": [], "usage": completion.usage}


def _choice(
    completion: TextCompletion, index: int, pieces: tuple[str, ...], finish_reason: str | None, *, offset: int
) -> JsonObject:
    logprobs: JsonObject | None = None
    if completion.logprobs is not None:
        offsets: list[int] = []
        for piece in pieces:
            offsets.append(offset)
            offset += len(piece)
        logprobs = {
            "tokens": list(pieces),
            "token_logprobs": [logprob_of(piece) for piece in pieces],
            "top_logprobs": [dict(rivals_of(piece, completion.logprobs)) for piece in pieces],
            "text_offset": offsets,
        }
    return {"index": index, "text": "".join(pieces), "logprobs": logprobs, "finish_reason": finish_reason}


def _are_numbers(items: list[object]) -> bool:
    return all(isinstance(item, int) and not isinstance(item, bool) for item in items)

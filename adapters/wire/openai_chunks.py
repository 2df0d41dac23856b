"""The chunks of a chat answer, or the one object of a whole answer, read into domain events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from adapters.wire.openai_errors import reshape_upstream_error, tells_error
from adapters.wire.openai_tool_calls import ToolCallReader
from adapters.wire.openai_usage import usage_in
from adapters.wire.wire_values import objects_in, text_in
from domain.chat import Usage
from domain.errors import UpstreamProtocolError, UpstreamStatusError
from domain.events import (
    AnswerStarted,
    ExtrasDelta,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    UsageReported,
)
from domain.pages import html_instead_of_json, is_page
from domain.words import Text

_REASONING = ("reasoning_content", "reasoning", "thinking")
# What a message may hold besides, and is handed on as it is.
_EXTRAS = ("audio", "annotations")
_SERVER_ERROR = 500
_ERROR_STATUSES = frozenset(str(status) for status in range(400, 600))


class ChunkReader:
    """Turns chunks, or one whole answer, into events. Several choices (`n`) may come interleaved."""

    def __init__(self) -> None:
        self.answered = False
        self.closed = False
        self._started = False
        self._answer_id = ""
        self._usage: Usage | None = None
        self._choices: dict[int, _ChoiceReader] = {}

    @property
    def finished(self) -> bool:
        """Whether every choice that has begun has a finish reason."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def read(self, payload: bytes) -> Iterator[StreamEvent]:
        """The events of one chunk. Raises UpstreamStatusError if it is an error, UpstreamProtocolError if nonsense."""
        chunk = _parse(payload)
        if tells_error(chunk):
            raise told_error(payload)
        choices = objects_in(chunk.get("choices"))
        if not self._started:
            yield from self._start(chunk, begun=bool(choices))
        for choice in choices:
            self.answered = True
            yield from self._choice(choice.get("index")).read(choice)
        wire_usage = chunk.get("usage")
        if wire_usage is not None:
            usage = usage_in(wire_usage)
            # Some upstreams repeat a running count in every chunk.
            if usage is not None and usage != self._usage:
                self._usage = usage
                yield UsageReported(usage=usage)

    def close(self) -> Iterator[StreamEvent]:
        """What was held back. To be called at the answer's end; a second time there is nothing left."""
        self.closed = True
        return (event for choice in self._choices.values() for event in choice.flush())

    def _start(self, chunk: Mapping[str, Any], *, begun: bool) -> Iterator[StreamEvent]:
        # Azure's first chunk has neither id nor choices; the next one tells.
        answer_id, model = text_in(chunk.get("id")) or None, text_in(chunk.get("model")) or None
        if begun or answer_id or model:
            self._started = True
            self._answer_id = answer_id or ""
            yield AnswerStarted(
                id=answer_id,
                model=model,
                system_fingerprint=text_in(chunk.get("system_fingerprint")) or None,
                service_tier=text_in(chunk.get("service_tier")) or None,
            )

    def _choice(self, wire_index: object) -> "_ChoiceReader":
        index = wire_index if isinstance(wire_index, int) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceReader(index, self._answer_id)
        return choice


class _ChoiceReader:
    """What a stream tells of one choice."""

    def __init__(self, index: int, answer_id: str) -> None:
        self.finished = False
        self._index = index
        self._calls = ToolCallReader(index, answer_id)

    def read(self, choice: Mapping[str, Any]) -> Iterator[StreamEvent]:
        logprobs: object = choice.get("logprobs")
        if isinstance(logprobs, dict) and logprobs:
            yield LogprobsDelta(logprobs=cast("dict[str, Any]", logprobs), choice=self._index)
        delta: object = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            yield from self._read_delta(cast("dict[str, Any]", delta))
        reason = text_in(choice.get("finish_reason"))
        if reason and not self.finished:
            self.finished = True
            yield from self._calls.flush()
            yield Finished(reason=reason, choice=self._index)

    def flush(self) -> Iterator[StreamEvent]:
        return self._calls.flush()

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[StreamEvent]:
        # Some upstreams say the same under two names: the first one counts.
        for name in _REASONING:
            if name in delta and (reasoning := text_in(delta[name])):
                yield ReasoningDelta(text=reasoning, choice=self._index)
                break
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                yield TextDelta(text=content, choice=self._index)
        elif content is not None:
            yield from self._read_parts(content)
        refusal = text_in(delta.get("refusal"))
        if refusal:
            yield RefusalDelta(text=refusal, choice=self._index)
        for call in objects_in(delta.get("tool_calls")):
            yield from self._calls.read(call)
        extras = {name: delta[name] for name in _EXTRAS if delta.get(name)}
        if extras:
            yield ExtrasDelta(extras=extras, choice=self._index)

    def _read_parts(self, content: object) -> Iterator[StreamEvent]:
        """Content in parts, among which some upstreams put their thinking."""
        for part in objects_in(content):
            thinking: object = part.get("thinking")
            if text := text_in(part.get("text")):
                yield TextDelta(text=text, choice=self._index)
            elif refusal := text_in(part.get("refusal")):
                yield RefusalDelta(text=refusal, choice=self._index)
            elif thought := text_in(thinking) or "".join(text_in(each.get("text")) for each in objects_in(thinking)):
                yield ReasoningDelta(text=thought, choice=self._index)


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        chunk: object = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _nonsense(payload) from error
    if not isinstance(chunk, dict):
        raise _nonsense(payload)
    return cast("dict[str, Any]", chunk)


def _nonsense(payload: bytes) -> UpstreamProtocolError:
    if is_page(payload):
        return html_instead_of_json(payload)
    size = len(payload)
    return UpstreamProtocolError(
        Text(
            f"The upstream answered with {size} bytes that are not a JSON object. Send the request again.",
            f"上游返回了 {size} 字节并非 JSON 对象的内容。请重新发送请求。",
        )
    )


def no_choices() -> UpstreamProtocolError:
    """The error for an answer that is JSON and no answer."""
    return UpstreamProtocolError(
        Text(
            "The upstream's answer holds no choices. Send the request again.",
            "上游的回答不含任何 choices。请重新发送请求。",
        )
    )


def told_error(payload: bytes) -> UpstreamStatusError:
    body = reshape_upstream_error(_SERVER_ERROR, None, payload)
    code: object = json.loads(body)["error"].get("code")
    status = int(code) if isinstance(code, int | str) and str(code) in _ERROR_STATUSES else _SERVER_ERROR
    return UpstreamStatusError(status=status, headers=(("Content-Type", "application/json"),), body=body)

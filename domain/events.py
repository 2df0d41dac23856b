"""The events of an answer's stream, and their fold into a whole answer.

`choice` tells which of the answers an event belongs to where a request asked for several (`n`): they come interleaved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.chat import ChatResponse, Choice, Message, TextPart, ToolCall, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStarted:
    """The upstream has begun; what it calls itself and this answer."""

    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More of the answer's text."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More of what the model thinks aloud; never part of the text."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDelta:
    """More of the words with which the model declines to answer."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of the tool call at `index`; `id` and `name` come with its first delta, `arguments` in pieces."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogprobsDelta:
    """The log probabilities of the tokens that came last: `{"content": [...], "refusal": [...]}` as on the wire."""

    logprobs: Mapping[str, Any]
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtrasDelta:
    """More of what else the message holds, such as `audio` and `annotations`, in the words of the wire."""

    extras: Mapping[str, Any] = field(repr=False)
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported:
    """The upstream's count; the last report holds."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The model has stopped, and why: `stop`, `length`, `tool_calls`, `content_filter`, or the upstream's own word."""

    reason: str
    choice: int = 0


StreamEvent = (
    AnswerStarted
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | LogprobsDelta
    | ExtrasDelta
    | UsageReported
    | Finished
)


def fold(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer that a stream of events tells of."""
    growing = GrowingAnswer()
    for event in events:
        growing.take(event)
    return growing.response()


class GrowingAnswer:
    """The fold of the events so far, for those who look at an answer while it grows."""

    def __init__(self) -> None:
        self._choices: dict[int, _GrowingChoice] = {}
        self._started = AnswerStarted()
        self._usage: Usage | None = None

    def take(self, event: StreamEvent) -> None:
        match event:
            case AnswerStarted():
                self._started = event
            case UsageReported(usage=counted):
                self._usage = counted
            case _:
                choice = self._choices.get(event.choice)
                if choice is None:
                    choice = self._choices[event.choice] = _GrowingChoice()
                choice.take(event)

    def response(self) -> ChatResponse:
        # The first choice is there even when nothing was said of it.
        choices = {0: _GrowingChoice(), **self._choices}
        return ChatResponse(
            choices=tuple(choices[index].grown() for index in sorted(choices)),
            usage=self._usage,
            model=self._started.model,
            id=self._started.id,
            system_fingerprint=self._started.system_fingerprint,
            service_tier=self._started.service_tier,
        )


class _GrowingChoice:
    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._logprobs: dict[str, Any] | None = None
        self._extras: dict[str, Any] = {}
        self._finish_reason: str | None = None

    def take(
        self,
        event: TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | LogprobsDelta | ExtrasDelta | Finished,
    ) -> None:
        match event:
            case TextDelta(text=piece):
                self._text.append(piece)
            case ReasoningDelta(text=piece):
                self._reasoning.append(piece)
            case RefusalDelta(text=piece):
                self._refusal.append(piece)
            case ToolCallDelta():
                self._calls[event.index] = _grown_call(self._calls.get(event.index), event)
            case LogprobsDelta(logprobs=more):
                self._logprobs = _joined(self._logprobs or {}, more)
            case ExtrasDelta(extras=more):
                self._extras = _joined(self._extras, more)
            case Finished(reason=reason):
                self._finish_reason = reason

    def grown(self) -> Choice:
        message = Message(
            role="assistant",
            content=(TextPart(text="".join(self._text)),) if self._text else (),
            tool_calls=tuple(self._calls[index] for index in sorted(self._calls)),
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal),
            extras=self._extras,
        )
        return Choice(message=message, finish_reason=self._finish_reason, logprobs=self._logprobs)


def _grown_call(call: ToolCall | None, delta: ToolCallDelta) -> ToolCall:
    before = call or ToolCall(id="", name="", arguments="")
    return ToolCall(
        id=before.id or delta.id or "",
        name=before.name or delta.name or "",
        arguments=before.arguments + delta.arguments,
    )


def _joined(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Pieces of a wire object as one: arrays and strings grow (an `id` is said again, not in pieces), else the last."""
    joined = dict(before)
    for name, value in more.items():
        held = joined.get(name)
        if (isinstance(held, list) and isinstance(value, list)) or (
            isinstance(held, str) and isinstance(value, str) and name != "id"
        ):
            joined[name] = held + value  # type: ignore[operator]
        elif isinstance(held, dict) and isinstance(value, dict):
            joined[name] = _joined(held, value)  # pyright: ignore[reportUnknownArgumentType]
        elif value is not None or name not in joined:
            joined[name] = value
    return joined

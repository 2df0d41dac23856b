"""The events of an answer's stream, and their fold into a whole answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.chat import ChatResponse, Message, TextPart, ToolCall, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStarted:
    """The upstream has begun; what it calls itself and this answer."""

    id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More of what the model thinks aloud; never part of the text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of the tool call at `index`; `id` and `name` come with its first delta, `arguments` in pieces."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported:
    """The upstream's count; the last report holds."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The model has stopped, and why: `stop`, `length`, `tool_calls`, `content_filter`, or the upstream's own word."""

    reason: str


StreamEvent = AnswerStarted | TextDelta | ReasoningDelta | ToolCallDelta | UsageReported | Finished


def fold(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer that a stream of events tells of."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: dict[int, ToolCall] = {}
    started = AnswerStarted()
    finish_reason: str | None = None
    usage: Usage | None = None
    for event in events:
        match event:
            case AnswerStarted():
                started = event
            case TextDelta(text=piece):
                text.append(piece)
            case ReasoningDelta(text=piece):
                reasoning.append(piece)
            case ToolCallDelta():
                calls[event.index] = _grown(calls.get(event.index), event)
            case UsageReported(usage=counted):
                usage = counted
            case Finished(reason=reason):
                finish_reason = reason
    content = (TextPart(text="".join(text)),) if text else ()
    return ChatResponse(
        message=Message(
            role="assistant",
            content=content,
            tool_calls=tuple(calls[index] for index in sorted(calls)),
            reasoning="".join(reasoning),
        ),
        finish_reason=finish_reason,
        usage=usage,
        model=started.model,
        id=started.id,
    )


def _grown(call: ToolCall | None, delta: ToolCallDelta) -> ToolCall:
    before = call or ToolCall(id="", name="", arguments="")
    return ToolCall(
        id=before.id or delta.id or "",
        name=before.name or delta.name or "",
        arguments=before.arguments + delta.arguments,
    )

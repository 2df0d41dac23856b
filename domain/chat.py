"""A chat request and its answer, free of any dialect.

The relay does not use these: it passes bytes on. They serve the translated roads (chat page, LangChain, other
dialects), where a caller's words become a `ChatRequest` and a codec in `adapters.wire` makes them wire again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An image by address; `url` may be a data URL (RFC 2397)."""

    url: str = field(repr=False)
    detail: Literal["auto", "low", "high"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPart:
    """A part that this version knows nothing of, in the words of the wire."""

    raw: Mapping[str, Any]


ContentPart = TextPart | ImagePart | OtherPart


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to call a tool; `arguments` is a JSON string, unparsed, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. `tool_call_id` belongs to role `tool`, `tool_calls` and `reasoning` to role `assistant`."""

    role: Role
    content: tuple[ContentPart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A question to a model. None means: not sent, the upstream decides. `extras` are further fields of the wire."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    reasoning_effort: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens counted by the upstream. Cached ones are part of the input, reasoning ones part of the output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResponse:
    """A whole answer: the fold of its stream (`domain.events.fold`)."""

    message: Message
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An entry of the upstream's model list; `raw` is what the upstream said of it."""

    id: str
    owned_by: str = "upstream"
    created: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])

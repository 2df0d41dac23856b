"""A chat request and its answer, free of any dialect.

The relay does not use these: it passes bytes on. They serve the translated roads (chat page, LangChain, other
dialects), where a caller's words become a `ChatRequest` and a codec in `adapters.wire` makes them wire again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

# "function" is the role of results before there were tools (OpenAI, deprecated); some histories still hold it.
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


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
class AudioPart:
    """A recording: base64 (RFC 4648 section 4), and its format, such as `wav` or `mp3`."""

    data: str = field(repr=False)
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A document: a data URL or an address in `url`, or the `file_id` under which the upstream keeps it."""

    url: str | None = field(default=None, repr=False)
    file_id: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPart:
    """A part that this version knows nothing of, in the words of the wire."""

    raw: Mapping[str, Any] = field(repr=False)


ContentPart = TextPart | ImagePart | AudioPart | FilePart | OtherPart


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to call a tool; `arguments` is a JSON string, unparsed, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. `tool_call_id` belongs to role `tool`; `tool_calls`, `reasoning` and `refusal` to role `assistant`.

    `extras` are further fields of the message, in the words of the wire (`audio`, `annotations`).
    """

    role: Role
    content: tuple[ContentPart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str = ""
    refusal: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def said(self) -> str:
        """What a person reads of an answer: its text, or the words with which the model declined."""
        return self.text + self.refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTool:
    """A tool that is no plain function (a built-in or custom one), in the words of the wire."""

    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A question to a model. None means: not sent, the upstream decides. `extras` are further fields of the wire.

    `stream_usage` asks for the usage at the end of a stream, which not every upstream understands.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool | OtherTool, ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    reasoning_effort: str | None = None
    stream_usage: bool = True
    extras: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens counted by the upstream; None where it does not say.

    Read from a cache, written to it, and heard are parts of the input; thought and spoken are parts of the output.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers to a request that asked for `n` of them; `logprobs` are in the words of the wire."""

    message: Message
    finish_reason: str | None = None
    logprobs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResponse:
    """A whole answer: the fold of its stream (`domain.events.fold`). There is always a first choice."""

    choices: tuple[Choice, ...]
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None

    @property
    def message(self) -> Message:
        return self.choices[0].message

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What an upstream's list tells of a model; None where it is silent.

    `name` is for people. Windows are tokens; prices are per token, in the upstream's currency. `apis` are the ways to
    ask it, in capitals (`CHAT_COMPLETIONS`, `RESPONSES`, `MESSAGES`).
    """

    name: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cached_price: Decimal | None = None
    caching_price: Decimal | None = None
    supports_vision: bool | None = None
    is_reasoning: bool | None = None
    apis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An entry of the upstream's model list; `raw` is what the upstream said of it, `facts` what that means."""

    id: str
    owned_by: str = "upstream"
    created: int = 0
    facts: ModelFacts = ModelFacts()
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])

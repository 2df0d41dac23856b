"""One question to the model, and its answer on the screen while it comes."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from domain.chat import ChatRequest, ChatResponse, Message, TextPart
from domain.events import GrowingAnswer, ReasoningDelta, RefusalDelta, StreamEvent, TextDelta
from domain.words import Text
from entrypoints.console import Console
from ports.gateway import Chat

_WAITING = Text("Waiting for the model ...", "正在等待模型……")
_CUT = Text(
    "The answer is not complete: it has reached the most tokens that the model may answer with.",
    "回答不完整：已达到模型单次回答的最大 token 数。",
)
_FILTERED = Text(
    "The answer is not complete: the upstream's content filter stopped it.",
    "回答不完整：上游的内容过滤器中止了回答。",
)
# What steers a terminal; a model can be made to say anything.
_STEERING = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the model is asked; None: as the upstream has it."""

    model: str
    system: str | None = None
    temperature: float | None = None

    def request(self, messages: tuple[Message, ...]) -> ChatRequest:
        system = (Message(role="system", content=(TextPart(text=self.system),)),) if self.system else ()
        return ChatRequest(model=self.model, messages=(*system, *messages), temperature=self.temperature)


def show_answer(chat: Chat, request: ChatRequest, console: Console) -> ChatResponse:
    """Ask, print the answer as it comes, and return it. Raises TokenError, UpstreamError.

    Whatever ends it early, Ctrl-C included, closes the upstream's stream; what is said afterwards begins a line.
    """
    growing = GrowingAnswer()
    with Screen(console) as screen:
        _take(chat, request, console, growing, screen)
    answer = growing.response()
    note = incompleteness(answer)
    if note is not None:
        console.say(note)
    return answer


def quiet_answer(chat: Chat, request: ChatRequest, console: Console) -> ChatResponse:
    """Ask, and return the answer whole. It streams all the same, so that a slow one is not taken for a dead one."""
    growing = GrowingAnswer()
    with console.working(_WAITING), chat.stream(request) as events:
        for event in events:
            growing.take(event)
    return growing.response()


def incompleteness(answer: ChatResponse) -> Text | None:
    """What a person should know of an answer beside its text; None: nothing."""
    match answer.finish_reason:
        case "length":
            return _CUT
        case "content_filter":
            return _FILTERED
        case reason if not answer.message.said.strip():
            return Text(f"The model gave no text ({reason}).", f"模型没有返回文本（{reason}）。")
        case _:
            return None


def answer_document(answer: ChatResponse, model: str) -> dict[str, object]:
    """The answer as JSON; every key is always there, null is what the upstream does not tell."""
    usage = answer.usage
    return {
        "answer": answer.message.said,
        "reasoning": answer.message.reasoning or None,
        "model": answer.model or model,
        "finish_reason": answer.finish_reason,
        "usage": None
        if usage is None
        else {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens or usage.input_tokens + usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "id": answer.id,
    }


def _take(chat: Chat, request: ChatRequest, console: Console, growing: GrowingAnswer, screen: "Screen") -> None:
    with ExitStack() as leaving:
        with console.working(_WAITING):
            events = leaving.enter_context(chat.stream(request))
            first = _first_shown(events, growing, screen)
        if first is not None:
            screen.show(first)
        for event in events:
            growing.take(event)
            screen.show(event)


def _first_shown(events: Iterator[StreamEvent], growing: GrowingAnswer, screen: "Screen") -> StreamEvent | None:
    for event in events:
        growing.take(event)
        if screen.shows(event):
            return event
    return None


class Screen:
    """The answer on standard output, as it is in a pipe; what the model thinks aloud is for those who watch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""
        self._thinking = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end_of_thought()
        if self._last and not self._last.endswith("\n"):
            self._console.data("")

    def shows(self, event: StreamEvent) -> bool:
        match event:
            case TextDelta(text=text, choice=0) | RefusalDelta(text=text, choice=0):
                return bool(text)
            case ReasoningDelta(text=text, choice=0):
                return bool(text) and self._console.watched
            case _:
                return False

    def show(self, event: StreamEvent) -> None:
        if not self.shows(event):
            return
        match event:
            case TextDelta(text=text) | RefusalDelta(text=text):
                self._end_of_thought()
                self._last = text
                self._console.data(text if self._console.width is None else text.translate(_STEERING), end="")
            case ReasoningDelta(text=text):
                self._thinking = True
                self._console.murmur(text.translate(_STEERING))
            case _:
                pass

    def _end_of_thought(self) -> None:
        if self._thinking:
            self._thinking = False
            self._console.say("\n")

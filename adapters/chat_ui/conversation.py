"""The conversation as a value: turns, what they send to the model, and how an answer begins, grows and ends.

Every change gives a new `Conversation`. An answer bears the number of its attempt, so that a script run which has been
overtaken (Streamlit starts the next one while the last still unwinds) cannot write into a turn that has moved on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Literal

from adapters.chat_ui.troubles import Trouble
from domain.chat import ChatRequest, ChatResponse, Choice, Message, TextPart


class AnswerState(Enum):
    """ASKED -> RUNNING -> COMPLETE, STOPPED or FAILED. What is ASKED has not been sent yet."""

    ASKED = "asked"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


def _nothing_said() -> ChatResponse:
    return ChatResponse(choices=(Choice(message=Message(role="assistant")),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model has said so far, and how it ended. `asked_model` is the name that the request bore."""

    attempt: int
    state: AnswerState = AnswerState.ASKED
    asked_model: str = ""
    response: ChatResponse = field(default_factory=_nothing_said)
    elapsed: timedelta = timedelta()
    trouble: Trouble | None = None

    @property
    def text(self) -> str:
        return self.response.message.said

    @property
    def reasoning(self) -> str:
        return self.response.message.reasoning

    @property
    def model(self) -> str:
        """The model by its own word, else by ours."""
        return self.response.model or self.asked_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and its answer."""

    question: str
    answer: Answer

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as history.

        An unanswered question is left out with its missing answer: many models demand that user and assistant take
        turns. A partial answer is what the person has read, so it stays. Reasoning is never sent back.
        """
        if not self.answer.text:
            return ()
        return _said("user", self.question), _said("assistant", self.answer.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What goes with every question. A blank system prompt is not sent."""

    model: str
    system_prompt: str
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Turns in order. At most the last one is unsettled."""

    turns: tuple[Turn, ...] = ()
    attempts: int = 0

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def asked(self, question: str) -> "Conversation":
        """A new turn, not yet sent. A turn that is still waiting or running is closed first."""
        closed = self.interrupted()
        return _with_question(closed.turns, question, attempt=closed.attempts + 1)

    def asked_again(self) -> "Conversation":
        """The last question once more, in the place of its answer; nothing when there is none or it is under way."""
        if self.last is None or self.last.answer.state in {AnswerState.ASKED, AnswerState.RUNNING}:
            return self
        return _with_question(self.turns[:-1], self.last.question, attempt=self.attempts + 1)

    def begun(self, model: str) -> "Conversation":
        """The last turn, if it waits, is now being sent."""
        if self.last is None or self.last.answer.state is not AnswerState.ASKED:
            return self
        return self._with_answer(replace(self.last.answer, state=AnswerState.RUNNING, asked_model=model))

    def heard(self, attempt: int, response: ChatResponse, elapsed: timedelta) -> "Conversation":
        """The running answer has grown to this."""
        return self._while_running(attempt, lambda answer: replace(answer, response=response, elapsed=elapsed))

    def finished(self, attempt: int) -> "Conversation":
        """The model has said all."""
        return self._while_running(attempt, lambda answer: replace(answer, state=AnswerState.COMPLETE))

    def failed(self, attempt: int, trouble: Trouble) -> "Conversation":
        """The answer ended in an error; what had come before it stays."""
        return self._while_running(attempt, lambda answer: replace(answer, state=AnswerState.FAILED, trouble=trouble))

    def stopped(self, attempt: int) -> "Conversation":
        """The person has stopped the answer; what had come stays."""
        return self._while_running(attempt, lambda answer: replace(answer, state=AnswerState.STOPPED))

    def interrupted(self) -> "Conversation":
        """Whatever runs is stopped: its script run is gone, or about to go."""
        return self.stopped(self.last.answer.attempt) if self.last is not None else self

    def request(self, settings: PromptSettings) -> ChatRequest:
        """The last question with its history, ready to be sent. Raises ValueError when there is no turn."""
        if self.last is None:
            raise ValueError("An empty conversation has nothing to ask.")
        prompt = settings.system_prompt.strip()
        system = (_said("system", prompt),) if prompt else ()
        history = tuple(message for turn in self.turns[:-1] for message in turn.messages)
        return ChatRequest(
            model=settings.model,
            messages=(*system, *history, _said("user", self.last.question)),
            temperature=settings.temperature,
        )

    def _while_running(self, attempt: int, change: Callable[[Answer], Answer]) -> "Conversation":
        last = self.last
        if last is None or last.answer.attempt != attempt or last.answer.state is not AnswerState.RUNNING:
            return self
        return self._with_answer(change(last.answer))

    def _with_answer(self, answer: Answer) -> "Conversation":
        return replace(self, turns=(*self.turns[:-1], replace(self.turns[-1], answer=answer)))


def _with_question(before: tuple[Turn, ...], question: str, *, attempt: int) -> Conversation:
    return Conversation(turns=(*before, Turn(question=question, answer=Answer(attempt=attempt))), attempts=attempt)


def _said(role: Literal["system", "user", "assistant"], text: str) -> Message:
    return Message(role=role, content=(TextPart(text=text),))

"""A conversation as a value: turns, what they send to the model, and how an answer begins, grows and ends.

Every change gives a new `Conversation`. An answer bears the number of its attempt, so that whoever listened to an
answer which has been overtaken meanwhile cannot write into a turn that has moved on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

from domain.chat import ChatRequest, ChatResponse, Choice, ContentPart, Message, TextPart

LONGEST_TITLE = 40


class TroubleKind(Enum):
    """What failed, as far as the next step differs."""

    LOGIN_REQUIRED = "login_required"
    LOGIN_MISCONFIGURED = "login_misconfigured"
    LOGIN_UNAVAILABLE = "login_unavailable"
    LOGIN_STORE = "login_store"
    BAD_REQUEST = "bad_request"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    TOO_MANY_REQUESTS = "too_many_requests"
    UPSTREAM_FAILING = "upstream_failing"
    UNREACHABLE = "unreachable"
    HOST_UNKNOWN = "host_unknown"
    PROXY_DOWN = "proxy_down"
    PROXY_LOGIN = "proxy_login"
    PROXY_REFUSED = "proxy_refused"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_OF_ANOTHER = "certificate_of_another"
    CLOCK_WRONG = "clock_wrong"
    NO_CONNECTION_IN_TIME = "no_connection_in_time"
    TIMEOUT = "timeout"
    MODEL_UNKNOWN = "model_unknown"
    NOT_UNDERSTOOD = "not_understood"
    TOKEN_REJECTED = "token_rejected"  # noqa: S105 - the name of a kind
    INTERRUPTED = "interrupted"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why an answer failed.

    `detail` is the words of the one who failed, plain text, in its own language; empty when it said nothing.
    """

    kind: TroubleKind
    detail: str = ""
    status: int | None = None
    retry_after: timedelta | None = None


class AnswerState(Enum):
    """ASKED -> RUNNING -> COMPLETE, STOPPED or FAILED. What is ASKED has not been sent yet."""

    ASKED = "asked"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


UNSETTLED = frozenset({AnswerState.ASKED, AnswerState.RUNNING})


def _nothing_said() -> ChatResponse:
    return ChatResponse(choices=(Choice(message=Message(role="assistant")),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model has said so far, and how it ended. `asked_model` is the name that the request bore.

    `elapsed` counts from the moment of asking, `first_word_after` to the first word or thought.
    """

    attempt: int
    state: AnswerState = AnswerState.ASKED
    asked_model: str = ""
    response: ChatResponse = field(default_factory=_nothing_said)
    elapsed: timedelta = timedelta()
    first_word_after: timedelta | None = None
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
class Attachment:
    """A file that went with a question, as the content part that is sent."""

    name: str
    part: ContentPart = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and its answer."""

    question: str
    answer: Answer
    attachments: tuple[Attachment, ...] = ()

    @property
    def asked(self) -> Message:
        """The question as it is sent: the files stand before the words that speak of them."""
        parts = tuple(attachment.part for attachment in self.attachments)
        words = (TextPart(text=self.question),) if self.question or not parts else ()
        return Message(role="user", content=(*parts, *words))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as history.

        An unanswered question is left out with its missing answer: many models demand that user and assistant take
        turns. A partial answer is what the person has read, so it stays. Reasoning is never sent back.
        """
        if not self.answer.text:
            return ()
        return self.asked, _said("assistant", self.answer.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What goes with every question of a conversation. A blank system prompt is not sent, nor is what is None."""

    model: str
    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Turns in order. At most the last one is unsettled.

    `key` names it for good, and is empty while it has no place in a store. `name` is what a person has called it.
    """

    turns: tuple[Turn, ...] = ()
    attempts: int = 0
    key: str = ""
    name: str = ""
    settings: PromptSettings | None = None

    @property
    def title(self) -> str:
        """Its name, else the first words asked; empty when nothing was asked."""
        if self.name:
            return self.name
        words = next((" ".join(turn.question.split()) for turn in self.turns if turn.question.strip()), "")
        if not words and self.turns and self.turns[0].attachments:
            words = self.turns[0].attachments[0].name
        return words if len(words) <= LONGEST_TITLE else f"{words[:LONGEST_TITLE].rstrip()}…"

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def busy(self) -> bool:
        """Whether a question waits to be sent or an answer is on its way."""
        return self.last is not None and self.last.answer.state in UNSETTLED

    def asked(self, question: str, attachments: tuple[Attachment, ...] = ()) -> "Conversation":
        """A new turn, not yet sent. A turn that is still waiting or running is closed first."""
        return _questioned(self.interrupted(), len(self.turns), question, attachments)

    def asked_again(self, place: int = -1) -> "Conversation":
        """The question of a turn once more, in the place of its answer and of all that followed it.

        Nothing when there is no such turn, or while an answer is under way.
        """
        turn = self._turn(place)
        if turn is None or self.busy:
            return self
        return _questioned(self, place % len(self.turns), turn.question, turn.attachments)

    def edited(self, place: int, question: str) -> "Conversation":
        """Another question, with the same files, in the place of a turn and of all that followed it."""
        turn = self._turn(place)
        if turn is None:
            return self
        return _questioned(self.interrupted(), place % len(self.turns), question, turn.attachments)

    def begun(self, model: str) -> "Conversation":
        """The last turn, if it waits, is now being sent."""
        if self.last is None or self.last.answer.state is not AnswerState.ASKED:
            return self
        return self._with_answer(replace(self.last.answer, state=AnswerState.RUNNING, asked_model=model))

    def heard(self, attempt: int, response: ChatResponse, elapsed: timedelta) -> "Conversation":
        """The running answer has grown to this."""

        def grown(answer: Answer) -> Answer:
            said = response.message
            first = answer.first_word_after
            if first is None and (said.said or said.reasoning or said.tool_calls):
                first = elapsed
            return replace(answer, response=response, elapsed=elapsed, first_word_after=first)

        return self._while_running(attempt, grown)

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
        """Whatever runs is stopped: who listened is gone, or about to go."""
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
            messages=(*system, *history, self.last.asked),
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            top_p=settings.top_p,
            reasoning_effort=settings.reasoning_effort,
        )

    def _turn(self, place: int) -> Turn | None:
        return self.turns[place] if -len(self.turns) <= place < len(self.turns) else None

    def _while_running(self, attempt: int, change: Callable[[Answer], Answer]) -> "Conversation":
        last = self.last
        if last is None or last.answer.attempt != attempt or last.answer.state is not AnswerState.RUNNING:
            return self
        return self._with_answer(change(last.answer))

    def _with_answer(self, answer: Answer) -> "Conversation":
        return replace(self, turns=(*self.turns[:-1], replace(self.turns[-1], answer=answer)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary:
    """One line in the list of conversations."""

    key: str
    title: str
    updated_at: datetime


def _questioned(before: Conversation, place: int, question: str, attachments: tuple[Attachment, ...]) -> Conversation:
    """`before` with a question, not yet sent, in this place and nothing after it."""
    attempt = before.attempts + 1
    turn = Turn(question=question, attachments=attachments, answer=Answer(attempt=attempt))
    return replace(before, turns=(*before.turns[:place], turn), attempts=attempt)


def _said(role: Literal["system", "user", "assistant"], text: str) -> Message:
    return Message(role=role, content=(TextPart(text=text),))

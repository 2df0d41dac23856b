"""An answer on the screen: in a pipe as it is, for people with what they need to know beside it."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from domain.chat import ChatRequest, ChatResponse, Message, TextPart, Usage
from domain.errors import StreamInterruptedError
from domain.events import AnswerStarted, Finished, ReasoningDelta, RefusalDelta, StreamEvent, TextDelta, UsageReported
from domain.words import Language
from entrypoints.answering import Manner, answer_document, incompleteness, quiet_answer, show_answer
from entrypoints.console import Console
from ports.gateway import USUAL_TERMS, ChatTerms
from tests.entrypoints.terminals import at_a_terminal
from tests.fakes.chat import FakeChat, Scripts

CONSOLE = Console(Language.ENGLISH)
MANNER = Manner(model="m")
HELLO = (Message(role="user", content=(TextPart(text="Hello"),)),)
ANSWER: tuple[StreamEvent, ...] = (
    AnswerStarted(id="id-1", model="the-model"),
    ReasoningDelta(text="Hm."),
    TextDelta(text="Good "),
    TextDelta(text="day.\x1b[31m"),
    Finished(reason="stop"),
    UsageReported(usage=Usage(input_tokens=3, output_tokens=2, reasoning_tokens=1)),
)


class StoppingChat:
    """Implements ports.gateway.Chat: in the middle of an answer the person presses Ctrl-C."""

    def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AbstractContextManager[Iterator[StreamEvent]]:
        return nullcontext(self._stopped())

    def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        raise KeyboardInterrupt

    def _stopped(self) -> Iterator[StreamEvent]:
        yield TextDelta(text="Half")
        raise KeyboardInterrupt


def asked(*script: StreamEvent) -> FakeChat:
    return FakeChat(Scripts(script))


def test_a_pipe_gets_the_text_as_it_is_and_nothing_of_the_reasoning(capsys: pytest.CaptureFixture[str]) -> None:
    answer = show_answer(asked(*ANSWER), MANNER.request(HELLO), CONSOLE)
    assert answer.message.reasoning == "Hm."
    assert capsys.readouterr() == ("Good day.\x1b[31m\n", "")


def test_a_text_that_ends_its_line_gets_no_second_end(capsys: pytest.CaptureFixture[str]) -> None:
    show_answer(asked(TextDelta(text="a\n"), Finished(reason="stop")), MANNER.request(HELLO), CONSOLE)
    assert capsys.readouterr().out == "a\n"


def test_a_person_sees_the_reasoning_dimmed_and_no_text_steers_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_a_terminal(monkeypatch)
    show_answer(asked(*ANSWER), MANNER.request(HELLO), CONSOLE)
    assert capsys.readouterr() == ("Good day.[31m\n", "\x1b[2mHm.\x1b[22m\n\n")


def test_without_colour_nothing_is_dimmed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    show_answer(asked(*ANSWER), MANNER.request(HELLO), CONSOLE)
    assert capsys.readouterr().err == "Hm.\n\n"


def test_a_cut_stream_raises_and_what_is_said_of_it_begins_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    chat = FakeChat(Scripts([TextDelta(text="Half"), StreamInterruptedError("It broke.")]))
    with pytest.raises(StreamInterruptedError):
        show_answer(chat, MANNER.request(HELLO), CONSOLE)
    assert capsys.readouterr().out == "Half\n"


def test_a_stop_is_passed_on_after_the_line_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        show_answer(StoppingChat(), MANNER.request(HELLO), CONSOLE)
    assert capsys.readouterr().out == "Half\n"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ((TextDelta(text="x"), Finished(reason="stop")), None),
        ((TextDelta(text="x"), Finished(reason="length")), "not complete"),
        ((TextDelta(text="x"), Finished(reason="content_filter")), "content filter"),
        ((RefusalDelta(text="No."), Finished(reason="stop")), None),
        ((Finished(reason="tool_calls"),), "no text (tool_calls)"),
    ],
)
def test_what_is_missing_in_an_answer_is_said(
    script: tuple[StreamEvent, ...], told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = show_answer(asked(*script), MANNER.request(HELLO), CONSOLE)
    note = incompleteness(answer)
    assert (note is None) is (told is None)
    assert (told or "") in capsys.readouterr().err


def test_the_document_has_all_keys_whatever_the_upstream_tells(capsys: pytest.CaptureFixture[str]) -> None:
    full = answer_document(quiet_answer(asked(*ANSWER), MANNER.request(HELLO), CONSOLE), "m")
    assert json.loads(json.dumps(full)) == {
        "answer": "Good day.\x1b[31m",
        "reasoning": "Hm.",
        "model": "the-model",
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "cached_tokens": None,
            "reasoning_tokens": 1,
        },
        "id": "id-1",
    }
    bare: dict[str, Any] = answer_document(
        quiet_answer(asked(TextDelta(text="x")), MANNER.request(HELLO), CONSOLE), "m"
    )
    assert bare.keys() == full.keys()
    assert (bare["model"], bare["usage"]) == ("m", None)
    assert capsys.readouterr() == ("", "")


def test_the_system_prompt_stands_first_and_what_is_not_set_is_not_sent() -> None:
    assert MANNER.request(HELLO).messages == HELLO
    request = Manner(model="m", system="Be brief.", temperature=0.0).request(HELLO)
    assert [(each.role, each.text) for each in request.messages] == [("system", "Be brief."), ("user", "Hello")]
    assert request.temperature == 0.0

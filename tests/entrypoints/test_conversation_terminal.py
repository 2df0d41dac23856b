"""A conversation at a terminal: what each line does, and that nothing but leaving ends it."""

from collections import deque
from pathlib import Path

import pytest

from domain.chat import ImagePart
from domain.errors import LoginRequiredError, OCAError, StreamInterruptedError
from domain.events import Finished, StreamEvent, TextDelta
from domain.words import Language
from entrypoints.answering import Manner
from entrypoints.console import Console
from entrypoints.conversation_terminal import COMMANDS, Conversation
from tests.entrypoints.test_answering import StoppingChat
from tests.fakes.chat import FakeChat, Scripts

CONSOLE = Console(Language.ENGLISH)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


class Lines:
    """What a person types; each draft that was offered is kept."""

    def __init__(self, *lines: str) -> None:
        self._lines = deque(lines)
        self.drafts: list[str] = []

    def read(self, draft: str = "") -> str:
        self.drafts.append(draft)
        if not self._lines:
            raise EOFError
        return self._lines.popleft()


def saying(text: str) -> tuple[StreamEvent, ...]:
    return TextDelta(text=text), Finished(reason="stop")


def talk(*lines: str, scripts: Scripts | None = None) -> tuple[Conversation, Scripts, Lines]:
    answers = scripts or Scripts(saying("one"), saying("two"), saying("three"))
    conversation = Conversation(FakeChat(answers), Manner(model="m"), CONSOLE)
    typed = Lines(*lines)
    conversation.run(typed)
    return conversation, answers, typed


def sent(scripts: Scripts, number: int) -> list[str]:
    return [each.text for each in scripts.asked[number][0].messages]


def test_each_question_goes_with_all_that_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    conversation, scripts, _ = talk("Hello", "", "And now?")
    assert sent(scripts, 1) == ["Hello", "one", "And now?"]
    assert [each.role for each in conversation.messages] == ["user", "assistant"] * 2
    assert capsys.readouterr().out == "one\ntwo\n"


def test_an_error_is_told_and_the_conversation_goes_on_without_that_question(
    capsys: pytest.CaptureFixture[str],
) -> None:
    errors: list[OCAError] = [LoginRequiredError("Log in again."), StreamInterruptedError("It broke.")]
    scripts = Scripts([errors[0]], [TextDelta(text="Half"), errors[1]], saying("whole"))
    conversation, _, _ = talk("first", "second", "third", scripts=scripts)
    assert sent(scripts, 2) == ["third"]
    assert [each.text for each in conversation.messages] == ["third", "whole"]
    told = capsys.readouterr()
    assert "Log in again." in told.err
    assert "It broke." in told.err
    assert told.out == "Half\nwhole\n"


def test_ctrl_c_stops_the_answer_and_not_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    conversation = Conversation(StoppingChat(), Manner(model="m"), CONSOLE)
    typed = Lines("Hello", "again")
    conversation.run(typed)
    assert len(typed.drafts) == 3
    assert conversation.messages == ()
    assert capsys.readouterr().err.count("(stopped)") == 2


def test_retry_asks_again_in_place_of_the_last_answer_or_after_a_failure() -> None:
    scripts = Scripts([StreamInterruptedError("It broke.")], saying("one"), saying("two"))
    conversation, _, _ = talk("Hello", "/retry", "/retry", scripts=scripts)
    assert [sent(scripts, number) for number in range(3)] == [["Hello"]] * 3
    assert [each.text for each in conversation.messages] == ["Hello", "two"]


def test_edit_offers_the_last_question_to_be_changed() -> None:
    conversation, scripts, typed = talk("Helo", "/edit", "Hello")
    assert typed.drafts == ["", "", "Helo", ""]
    assert sent(scripts, 1) == ["Hello"]
    assert [each.text for each in conversation.messages] == ["Hello", "two"]


@pytest.mark.parametrize("command", ["/retry", "/edit"])
def test_without_a_question_there_is_nothing_to_go_back_to(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    talk(command)
    assert "There is no question yet." in capsys.readouterr().err


def test_model_and_system_prompt_can_be_changed_on_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    _, scripts, _ = talk("/model", "/model other", "/system", "/system Be brief.", "a", "/system -", "b")
    assert [request.model for request, _ in scripts.asked] == ["other", "other"]
    assert sent(scripts, 0) == ["Be brief.", "a"]
    assert sent(scripts, 1) == ["a", "one", "b"]
    assert "There is no system prompt." in capsys.readouterr().err


def test_a_picture_goes_with_the_next_question_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.png").write_bytes(PNG)
    _, scripts, _ = talk(f"/image {tmp_path}/p.png", "/image https://pictures.example/p.png", "What is it?", "And?")
    pictures = [part for part in scripts.asked[0][0].messages[0].content if isinstance(part, ImagePart)]
    assert [part.url.partition(",")[0] for part in pictures] == [
        "data:image/png;base64",
        "https://pictures.example/p.png",
    ]
    assert len(scripts.asked[1][0].messages[-1].content) == 1
    talk(f"/image {tmp_path}/none.png")
    assert "cannot be read" in capsys.readouterr().err


def test_clear_begins_anew() -> None:
    _, scripts, _ = talk("a", "/clear", "b")
    assert sent(scripts, 1) == ["b"]


def test_save_writes_the_conversation_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    talk("a", "/save", "/save")
    assert (tmp_path / "conversation.md").read_text() == "## You\n\na\n\n## Model\n\none\n"
    told = capsys.readouterr().err
    assert "Saved in conversation.md" in told
    assert "conversation.md cannot be written" in told


def test_help_tells_every_command_and_an_unknown_one_is_no_question(capsys: pytest.CaptureFixture[str]) -> None:
    _, scripts, _ = talk("/help", "/nonsense")
    told = capsys.readouterr().err
    assert [name for name in COMMANDS if name not in told] == []
    assert "There is no command /nonsense." in told
    assert scripts.asked == []


def test_two_slashes_begin_a_text_that_begins_with_one() -> None:
    _, scripts, _ = talk("//etc/hosts, what is that?")
    assert sent(scripts, 0) == ["/etc/hosts, what is that?"]


@pytest.mark.parametrize("command", ["/exit", "/quit"])
def test_leaving_asks_nothing_more(command: str) -> None:
    _, scripts, typed = talk(command, "Hello")
    assert len(typed.drafts) == 1
    assert scripts.asked == []

"""Typing a line: keys, and a history that lasts and is nobody else's."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from config.settings import Settings
from domain.words import Language
from entrypoints.console import Console
from entrypoints.line_editor import HISTORY, LineEditor, history_in

CONSOLE = Console(Language.ENGLISH)


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as typed:
        yield typed


def editor(keys: PipeInput) -> LineEditor:
    return LineEditor(CONSOLE, InMemoryHistory(), commands=["/help"], input=keys, output=DummyOutput())


def settings_in(folder: Path) -> Settings:
    return Settings.model_validate({"env_file": folder / ".env", "oca_data_dir": folder / "data"})


def test_enter_sends_and_alt_enter_begins_a_line(keys: PipeInput) -> None:
    keys.send_text("one\x1b\rtwo\r")
    assert editor(keys).read() == "one\ntwo"


def test_a_draft_can_be_changed(keys: PipeInput) -> None:
    keys.send_text("lo\r")
    assert editor(keys).read("Hel") == "Hello"


def test_ctrl_c_takes_back_what_is_typed_and_with_nothing_typed_tells_how_to_leave(keys: PipeInput) -> None:
    typing = editor(keys)
    keys.send_text("wrong\x03right\r")
    assert (typing.read(), typing.hint) == ("right", None)
    keys.send_text("\x03fine\r")
    assert (typing.read(), typing.hint) == ("fine", "Ctrl-D leaves, or /exit.")
    keys.send_text("on\r")
    assert (typing.read(), typing.hint) == ("on", None)


def test_ctrl_d_leaves(keys: PipeInput) -> None:
    keys.send_text("\x04")
    with pytest.raises(EOFError):
        editor(keys).read()


def test_the_history_lasts_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    history_in(settings).append_string("a question")
    path = tmp_path / "data" / HISTORY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(history_in(settings).load_history_strings()) == ["a question"]


def test_a_history_that_cannot_be_kept_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    assert isinstance(history_in(settings_in(tmp_path)), InMemoryHistory)


def test_a_history_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    history = history_in(settings_in(tmp_path))
    path = tmp_path / "data" / HISTORY
    path.unlink()
    path.mkdir()
    history.append_string("a question")
    assert history.get_strings() == ["a question"]

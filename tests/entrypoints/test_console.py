"""Where a command speaks: every encoding gets what it can show, and only a person gets colours and movement."""

import io
import json
import sys
import threading

import pytest

from domain.words import Language, Text
from entrypoints import console as module
from entrypoints.console import Console, speakable
from tests.entrypoints.terminals import at_a_terminal

HELLO = Text("Hello", "你好")


def stream_in(monkeypatch: pytest.MonkeyPatch, encoding: str, name: str = "stdout") -> io.BytesIO:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, newline="\n"))
    return raw


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb18030"])
def test_chinese_comes_out_right_where_the_encoding_has_it(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = stream_in(monkeypatch, encoding)
    Console(Language.CHINESE).data(HELLO.zh)
    assert raw.getvalue() == "你好\n".encode(encoding)
    assert speakable(Language.CHINESE) is Language.CHINESE


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_where_the_encoding_lacks_it_the_program_speaks_english_and_data_is_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    raw = stream_in(monkeypatch, encoding)
    assert speakable(Language.CHINESE) is Language.ENGLISH
    Console(Language.ENGLISH).data("你")
    assert raw.getvalue() == b"\\u4f60\n"


def test_fine_print_becomes_plain_and_not_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stream_in(monkeypatch, "ascii")
    Console(Language.ENGLISH).data("“so” – it’s … done")
    assert raw.getvalue() == b'"so" - it\'s ... done\n'


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_document_is_the_same_in_every_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = stream_in(monkeypatch, encoding)
    Console(Language.ENGLISH).document({"said": "你好"})
    assert json.loads(raw.getvalue().decode(encoding)) == {"said": "你好"}


def test_a_lone_surrogate_does_not_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stream_in(monkeypatch, "utf-8")
    Console(Language.ENGLISH).data("a\ud800b")
    assert raw.getvalue() == b"a\\ud800b\n"


def test_in_a_pipe_nothing_moves_and_nothing_is_coloured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "UNNOTICED_S", 0.001)
    console = Console(Language.ENGLISH)
    with console.working("Waiting"):
        console.murmur("aside")
    assert capsys.readouterr().err == "aside"
    assert (console.coloured, console.interactive, console.width) == (False, False, None)


def test_a_long_wait_shows_and_is_wiped_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_a_terminal(monkeypatch)
    monkeypatch.setattr(module, "UNNOTICED_S", 0.001)
    seen = threading.Event()
    written = sys.stderr.write

    def write(text: str) -> int:
        seen.set()
        return written(text)

    monkeypatch.setattr(sys.stderr, "write", write)
    with Console(Language.CHINESE).working(HELLO):
        assert seen.wait(10)
    told = capsys.readouterr().err
    assert told.startswith("\r你好 ")
    assert told.endswith(" \r")


def test_a_short_wait_shows_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at_a_terminal(monkeypatch)
    with Console(Language.ENGLISH).working(HELLO):
        pass
    assert capsys.readouterr().err == ""


def test_at_a_terminal_there_are_colours_and_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch, columns=99)
    console = Console(Language.ENGLISH)
    assert (console.coloured, console.interactive, console.width) == (True, True, 99)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not console.coloured


def test_a_long_wait_that_nobody_watches_is_said_once_where_it_may_be_in_vain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "UNNOTICED_S", 0.001)
    said = threading.Event()
    written = sys.stderr.write

    def write(text: str) -> int:
        count = written(text)
        said.set()
        return count

    monkeypatch.setattr(sys.stderr, "write", write)
    with Console(Language.ENGLISH).working("Reading", unwatched=HELLO):
        assert said.wait(10)
    assert capsys.readouterr().err == "Hello\n"

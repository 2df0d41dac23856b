"""Facts and tables: aligned by what is seen, drawn only where a person watches."""

import re
import sys
import unicodedata

import pytest

from domain.words import Language
from entrypoints.console import Console
from entrypoints.tables import Cell, columns, paragraph
from tests.entrypoints.terminals import at_a_terminal

CONSOLE = Console(Language.ENGLISH)
ROWS = [["登录", "fine", "1"], ["Server", "https://id.example", "1,000"]]
HEADER = ["What", "Value", "Count"]


def seen_width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def test_in_a_pipe_columns_are_aligned_by_spaces_with_wide_characters_counted_twice() -> None:
    told = columns(CONSOLE, ROWS, header=HEADER, numbers=frozenset({2}))
    first, second, third = told.splitlines()
    assert first == "What    Value               Count"
    assert {seen_width(line) for line in (first, second, third)} == {33}
    assert second.endswith("      1")
    assert columns(CONSOLE, ROWS[:1]) == "登录  fine  1"
    assert paragraph(CONSOLE, "Told.", "red") == "Told."


def test_at_a_terminal_there_are_colours_and_long_cells_are_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch, columns=40)
    rows: list[list[Cell | str]] = [["a", Cell("word " * 20, "red")]]
    told = columns(CONSOLE, rows, header=["X", "Y"])
    assert "\x1b[31m" in told
    assert "─" in told
    assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 40 for line in told.splitlines())
    assert "\x1b[31mTold." in paragraph(CONSOLE, "Told.", "red")


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_no_number_is_broken_and_no_cell_left_out_however_narrow_the_screen(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    at_a_terminal(monkeypatch, columns=width)
    rows = [["publisher/model-1", "128,000", "16,384", "2.50", "图片"], ["free", "", "32,768", "0.00", ""]]
    header = ["模型", "上下文", "最大输出", "输入价/百万", "能力"]
    told = re.sub(r"\x1b\[[\d;]*m", "", columns(CONSOLE, rows, header=header, numbers=frozenset({1, 2, 3})))
    assert all(cell in told for row in rows for cell in row)
    assert all(seen_width(line) <= width for line in told.splitlines())


def test_without_colour_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in columns(CONSOLE, [[Cell("x", "red")]])


def test_an_encoding_without_lines_gets_them_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch)

    class Narrow:
        encoding = "cp1252"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Narrow())
    columns(CONSOLE, [["x", "y"]], header=["X", "Y"]).encode("ascii")

"""Facts and tables as text: drawn by rich where a person watches, plain columns of spaces everywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from config.environment import no_color
from entrypoints.console import Console

if TYPE_CHECKING:
    from rich.console import Console as Rich

_GAP = "  "
# What rich puts between two columns, and the least that one of words needs.
_BETWEEN, _LEAST = 3, 6


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text, and how it looks on a terminal: a style of rich (`green`, `bold`), or nothing."""

    text: str
    style: str = ""


Row = Sequence[Cell | str]


def columns(
    console: Console, rows: Sequence[Row], *, header: Sequence[str] = (), numbers: frozenset[int] = frozenset()
) -> str:
    """The rows below each other, without a line break at the end; the columns `numbers` stand at their right edge."""
    width = console.width
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    if width is None:
        return _plain([*([[Cell(each) for each in header]] if header else []), *cells], numbers)
    return _drawn(console, cells, header, numbers, width)


def paragraph(console: Console, text: str, style: str) -> str:
    """A paragraph, in colour where there is any."""
    width = console.width
    if width is None:
        return text
    return _drawn(console, [[Cell(text, style)]], (), frozenset(), width)


def harmless(text: str) -> str:
    """On one line, without what could steer a terminal: servers can say anything."""
    return "".join(character if character.isprintable() else " " for character in text)


def _plain(rows: Sequence[Sequence[Cell]], numbers: frozenset[int]) -> str:
    widths = [max(map(_width, column)) for column in zip(*[[cell.text for cell in row] for row in rows], strict=True)]
    lines: list[str] = []
    for row in rows:
        padded: list[str] = []
        for at, cell in enumerate(row):
            space = " " * (widths[at] - _width(cell.text))
            padded.append(space + cell.text if at in numbers else cell.text + space)
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """How many columns a text takes: the characters of Chinese take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _drawn(
    console: Console, rows: Sequence[Sequence[Cell]], header: Sequence[str], numbers: frozenset[int], width: int
) -> str:
    from rich import box  # noqa: PLC0415 - slow to load, and of no use in a pipe
    from rich.console import Console as RichConsole  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    canvas = StringIO()
    rich = RichConsole(
        file=canvas, width=width, force_terminal=True, no_color=no_color(), markup=False, highlight=False,
        emoji=False, legacy_windows=False,
    )  # fmt: skip
    lines = box.SIMPLE_HEAD if console.draws_lines else box.ASCII2
    table = Table(box=lines if header else None, show_header=bool(header), show_edge=False, pad_edge=False)
    if not header:
        table.padding = (0, 2, 0, 0)
    widths = [max(_width(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    least = sum(each if at in numbers or at == 0 else _LEAST for at, each in enumerate(widths))
    if header and least + _BETWEEN * len(widths) > width:
        return _stacked(rich, canvas, rows, header)
    for at in range(max(map(len, rows), default=0)):
        last = at == len(rows[0]) - 1
        table.add_column(
            header[at] if header else "",
            justify="right" if at in numbers else "left",
            overflow="fold",
            no_wrap=at == 0 and not last,
            # A number is not to be broken in two; its heading may be.
            min_width=widths[at] if at in numbers else None,
        )
    for row in rows:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    rich.print(table)
    return canvas.getvalue().rstrip("\n")


def _stacked(rich: "Rich", canvas: StringIO, rows: Sequence[Sequence[Cell]], header: Sequence[str]) -> str:
    """The rows one below the other with each of their cells on a line of its own, for a screen that is too narrow."""
    for row in rows:
        rich.print(row[0].text, style=row[0].style)
        for name, cell in zip(header[1:], row[1:], strict=True):
            if cell.text:
                rich.print(f"    {name}: {cell.text}", style=cell.style)
    return canvas.getvalue().rstrip("\n")

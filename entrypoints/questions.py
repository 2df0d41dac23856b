"""Questions to the person at the terminal: asked on standard error, so that standard output stays data."""

import sys
from collections.abc import Callable

from domain.words import Text
from entrypoints.console import Console

_YES = frozenset({"y", "yes", "是", "好", "1"})
_NO = frozenset({"n", "no", "否", "不", "0"})


class NoAnswerError(Exception):
    """Nobody answers any more, or the answer is no: nothing is to be done."""


def read_line() -> str:
    """A line of standard input without its end. Raises NoAnswerError."""
    line = sys.stdin.readline()
    if not line:
        raise NoAnswerError
    return line.rstrip("\r\n")


class Questions:
    """Asks one question after the other; `read` answers."""

    def __init__(self, console: Console, read: Callable[[], str] = read_line) -> None:
        self._console = console
        self._read = read

    def ask(self, question: "str | Text", *, default: str = "", shown: str | None = None) -> str:
        """The answer without blanks around it, or the default; `shown` is what is shown of the default."""
        hint = default if shown is None else shown
        colon = Text(": ", "：")
        self._console.say(Text.of(question) + (Text(f" [{hint}]", f" [{hint}]") + colon if hint else colon), end="")
        return self._read().strip() or default

    def yes(self, question: "str | Text", *, default: bool) -> bool:
        while True:
            self._console.say(Text.of(question) + (" [Y/n] " if default else " [y/N] "), end="")
            answer = self._read().strip().lower()
            if not answer:
                return default
            if answer in _YES | _NO:
                return answer in _YES

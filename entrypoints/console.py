"""Where a command speaks: data on standard output, words for people on standard error, in the person's language."""

import json
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from config.environment import no_color
from domain.words import Language, Text

if TYPE_CHECKING:
    import typer

# A wait that is shorter than this shows nothing; a longer one shows that the program lives.
UNNOTICED_S = 1.0


@dataclass(frozen=True, slots=True)
class Console:
    """One command's voice. Nothing is coloured and nothing moves where no person watches, or NO_COLOR is set."""

    language: Language

    def told(self, words: "str | Text") -> str:
        return Text.of(words).told_in(self.language)

    def data(self, text: str, *, end: str = "\n") -> None:
        """A piece of what the command is for, on standard output."""
        _write(sys.stdout, text + end)

    def document(self, value: object) -> None:
        """One JSON document on standard output."""
        self.data(json.dumps(value, indent=2, ensure_ascii=not _can_write(sys.stdout, "登录"), default=str))

    def say(self, words: "str | Text" = "", *, end: str = "\n") -> None:
        """Words for people, on standard error."""
        _write(sys.stderr, self.told(words) + end)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked: standard input and standard error are a terminal."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def coloured(self) -> bool:
        return sys.stderr.isatty() and not no_color()

    @contextmanager
    def working(self, words: "str | Text") -> Generator[None, None, None]:
        """Show what is being waited for once it takes longer than a second; only on a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        done = threading.Event()
        line = self.told(words)
        waiter = threading.Thread(target=_tick, args=(done, line), daemon=True)
        waiter.start()
        try:
            yield
        finally:
            done.set()
            waiter.join()


def console_of(context: "typer.Context") -> Console:
    """The console of the command under way."""
    console = context.find_object(Console)
    if console is None:
        raise RuntimeError("The command was not started through the group.")
    return console


def _tick(done: threading.Event, line: str) -> None:
    seconds = UNNOTICED_S
    shown = False
    while not done.wait(UNNOTICED_S):
        _write(sys.stderr, f"\r{line} {seconds:.0f} s")
        sys.stderr.flush()
        shown = True
        seconds += UNNOTICED_S
    if shown:
        width = sum(2 if ord(c) > 0x2E7F else 1 for c in line) + 12  # noqa: PLR2004 - wide characters begin there
        _write(sys.stderr, "\r" + " " * width + "\r")


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(stream: TextIO, text: str) -> None:
    """Write, and never fail for a character that a console of another encoding does not know."""
    if not _can_write(stream, text):
        encoding = stream.encoding or "ascii"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)
    stream.flush()

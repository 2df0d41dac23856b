"""Where a command speaks: data on standard output, words for people on standard error, in the person's language."""

import json
import shutil
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
_CHINESE = "登录，。"
# What stands for a character of fine print where the encoding lacks it; a table's lines are drawn in ASCII there.
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "→": "->", "✓": "+"})


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
        self.data(json.dumps(value, indent=2, ensure_ascii=not can_write(sys.stdout, _CHINESE), default=str))

    def say(self, words: "str | Text" = "", *, end: str = "\n") -> None:
        """Words for people, on standard error."""
        _write(sys.stderr, self.told(words) + end)

    def murmur(self, text: str, *, end: str = "") -> None:
        """Words of less weight, on standard error: dimmed where there is colour."""
        _write(sys.stderr, f"\x1b[2m{text}\x1b[22m{end}" if self.coloured and text else text + end)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked: standard input and standard error are a terminal."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def watched(self) -> bool:
        """Whether a person sees what is said on standard error."""
        return sys.stderr.isatty()

    @property
    def coloured(self) -> bool:
        return sys.stderr.isatty() and not no_color()

    @property
    def width(self) -> int | None:
        """How many columns standard output has; None where it is no terminal."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    @property
    def draws_lines(self) -> bool:
        """Whether standard output knows the characters of which tables are drawn."""
        return can_write(sys.stdout, "─│┌")

    @contextmanager
    def working(self, words: "str | Text", *, unwatched: Text | None = None) -> Generator[None, None, None]:
        """Show what is being waited for once it takes longer than a second; only on a terminal.

        Elsewhere, `unwatched` is said once.
        """
        watched = sys.stderr.isatty()
        if not watched and unwatched is None:
            yield
            return
        done = threading.Event()
        line = self.told(words if watched else unwatched or "")
        waiter = threading.Thread(target=_tick if watched else _say_once, args=(done, line), daemon=True)
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


def speakable(language: Language) -> Language:
    """This language, or English where a stream's encoding lacks the characters: escapes are read by nobody."""
    able = can_write(sys.stdout, _CHINESE) and can_write(sys.stderr, _CHINESE)
    return language if able else Language.ENGLISH


def can_write(stream: TextIO, text: str) -> bool:
    """Whether the stream's encoding has these characters."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _tick(done: threading.Event, line: str) -> None:
    seconds = UNNOTICED_S
    shown = False
    while not done.wait(UNNOTICED_S):
        _write(sys.stderr, f"\r{line} {seconds:.0f} s")
        shown = True
        seconds += UNNOTICED_S
    if shown:
        width = sum(2 if ord(c) > 0x2E7F else 1 for c in line) + 12  # noqa: PLR2004 - wide characters begin there
        _write(sys.stderr, "\r" + " " * width + "\r")


def _say_once(done: threading.Event, line: str) -> None:
    if not done.wait(UNNOTICED_S):
        _write(sys.stderr, f"{line}\n")


def _write(stream: TextIO, text: str) -> None:
    """Write, and never fail for a character that a console of another encoding does not know."""
    if not can_write(stream, text):
        encoding = stream.encoding or "ascii"
        text = text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)
    stream.flush()

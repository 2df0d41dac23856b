"""A real pseudo-terminal with a program on it; what it shows is read, and what a person would type is written."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 40.0
ROWS, COLUMNS = 40, 200
# The program becomes the leader of a session that this terminal controls, so that Ctrl-C reaches it as a signal.
# Where the tests run in the background, their shell may have it ignored.
_ON_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
# The last alternative is the beginning of one that is still on its way.
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>]|(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?\Z)"
)
# Programs ask where the cursor stands, and wait for the answer.
_WHERE, _HERE = b"\x1b[6n", b"\x1b[1;1R"
# A line editor asks to be told what is pasted, and does so anew for each line, when it has begun to read keys.
_READS_KEYS = b"\x1b[?2004h"


class Terminal:
    """The program's terminal, from its start to its end."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self._shown = bytearray()
        self._seen = 0
        self._prompts = 0
        self._changed = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """All that was shown, without colours and movements."""
        with self._changed:
            return _plain(bytes(self._shown))

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next place where `pattern` is shown, after all that was waited for before. Raises AssertionError."""

        def found() -> re.Match[str] | None:
            return re.compile(pattern).search(_plain(bytes(self._shown)), self._seen)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._closed, PATIENCE_S)
            match = found()
            assert match is not None, f"{pattern!r} was not shown:\n{_plain(bytes(self._shown))}"
            self._seen = match.end()
            return match

    def wait_for_prompt(self) -> None:
        """Until a line editor has begun to read the next line: what is typed before is not yet its own."""
        with self._changed:
            self._prompts += 1
            self._changed.wait_for(lambda: self._shown.count(_READS_KEYS) >= self._prompts or self._closed, PATIENCE_S)
            assert self._shown.count(_READS_KEYS) >= self._prompts, f"no prompt:\n{_plain(bytes(self._shown))}"

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for_end(self) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def _read(self) -> None:
        answered = 0
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:
                # Linux says so when nobody holds the other side any more.
                piece = b""
            with self._changed:
                self._shown += piece
                self._closed = not piece
                self._changed.notify_all()
            if not piece:
                return
            # Counted in the whole, since a question may come in two pieces.
            while answered < self._shown.count(_WHERE):
                answered += 1
                os.write(self._master, _HERE)


@contextmanager
def terminal(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Generator[Terminal, None, None]:
    """Run a program on a terminal, and kill it if it has not ended."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _ON_TERMINAL, *command],
            cwd=cwd,
            env={"TERM": "xterm-256color", **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    finally:
        os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        if process.poll() is None:
            process.kill()
        shown.wait_for_end()
        os.close(master)


def _plain(shown: bytes) -> str:
    return _CONTROL.sub("", shown.decode("utf-8", "ignore")).replace("\r", "")

"""Standard streams that say that they are a terminal."""

import sys

import pytest


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> None:
    """From here on a person watches; to be called in the test itself, whose streams are its own."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))

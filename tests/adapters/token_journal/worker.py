"""A process of its own: `python -m tests.adapters.token_journal.worker <.env> <name> <number> <max_bytes>`."""

import sys
from pathlib import Path

from adapters.clock.system import SystemClock
from adapters.token_journal.history import FileTokenHistory
from domain.token_events import TokenEvent, TokenEventKind


def write(env_file: Path, name: str, number: int, max_bytes: int) -> None:
    """Note down `number` failures, once the input says so."""
    history = FileTokenHistory(env_file=env_file, clock=SystemClock(), max_bytes=max_bytes, program=name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for each in range(number):
        why = f"{name} {each} " + "x" * (each % 700)
        history.record(TokenEvent(kind=TokenEventKind.FAILED, why=why))


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

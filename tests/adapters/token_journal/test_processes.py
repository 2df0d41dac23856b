"""Several real processes on one history."""

import subprocess
import sys
from pathlib import Path

from adapters.clock.system import SystemClock
from adapters.token_journal.history import FileTokenHistory

ROOT = Path(__file__).parents[3]
PROCESSES, EVENTS = 6, 500


def run_together(env_file: Path, *, max_bytes: int) -> FileTokenHistory:
    """Let processes write at once, each its numbered events; then the history that they have written."""
    command = [sys.executable, "-m", "tests.adapters.token_journal.worker", str(env_file)]
    workers = [
        subprocess.Popen(
            [*command, f"worker{number}", str(EVENTS), str(max_bytes)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=50)
        assert worker.returncode == 0
    return FileTokenHistory(env_file=env_file, clock=SystemClock(), max_bytes=max_bytes)


def numbers_of(history: FileTokenHistory) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for entry in history.recent(PROCESSES * EVENTS * 2):
        name, number, rest = entry.event.why.split(" ")
        assert (name, rest) == (entry.program, "x" * (int(number) % 700))
        found.setdefault(name, []).append(int(number))
    return found


def test_processes_that_write_at_once_lose_and_tear_no_line_below_the_bound(tmp_path: Path) -> None:
    history = run_together(tmp_path / ".env", max_bytes=16 * 1024 * 1024)
    assert numbers_of(history) == {f"worker{number}": list(range(EVENTS)) for number in range(PROCESSES)}
    # A writer that sees half of another's line begins with an end of line, to be safe; then there is an empty one.
    lines = [line for line in (tmp_path / ".env.history").read_bytes().splitlines() if line]
    assert len(lines) == PROCESSES * EVENTS


def test_processes_that_write_at_once_beyond_the_bound_lose_the_oldest_lines_only(tmp_path: Path) -> None:
    max_bytes = 16 * 1024
    history = run_together(tmp_path / ".env", max_bytes=max_bytes)
    found = numbers_of(history)
    assert sum(len(numbers) for numbers in found.values()) > 20
    for numbers in found.values():
        # Nothing is missing between the oldest that is still there and the last that was written.
        assert numbers == list(range(EVENTS))[-len(numbers) :]
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes.keys() == {".env.history", ".env.history.old"}
    # Who has it open when it is renamed adds a line yet, and nobody waits for the one who renames: on a busy machine
    # that one may be held up for a while, and the others go on. Without a bound it would be a hundred times as much.
    assert all(size <= 10 * max_bytes for size in sizes.values())
    assert sizes[".env.history.old"] >= max_bytes

"""Several real processes on one file."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.conversation_store.sqlite import SqliteConversationStore
from domain.errors import ConversationStoreError
from tests.adapters.conversation_store.worker import number_of
from tests.contracts.conversation_store import chat
from tests.fakes.clock import FakeClock

ROOT = Path(__file__).parents[3]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.conversation_store.worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> str:
    """What it had told and nobody had read."""
    process.kill()
    # Not by `communicate`, which passes over what `readline` has fetched in advance.
    assert process.stdout is not None
    with process:
        return process.stdout.read()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteConversationStore]:
    store = SqliteConversationStore(path, FakeClock(), lock_timeout=timedelta(milliseconds=20))
    yield store
    store.close()


def test_processes_that_share_a_conversation_lose_no_word(path: Path, store: SqliteConversationStore) -> None:
    # They begin with the file itself.
    workers = {name: start("ask", path, name) for name in ("k", "l", "m", "n")}
    for worker in workers.values():
        worker.communicate()
        assert worker.returncode == 0
    found = [store.load(summary.key) for summary in store.listed()]
    asked = {turn.question for each in found if each is not None for turn in each.turns}
    said = {f"{name}-{number}" for name in workers for number in range(10)}
    assert asked == said | {f"{each}-again" for each in said}


def test_what_was_saved_before_a_kill_is_whole(path: Path, store: SqliteConversationStore) -> None:
    last = 0
    for read_before in (1, 2, 7, 20):
        worker = start("save", path, str(last + 1))
        for _ in range(read_before):
            last = int(line_of(worker))
        told = kill(worker).splitlines()
        last = int(told[-1]) if told else last
        held = store.load("a")
        assert held is not None
        # One more may have been stored, and not told any more.
        assert number_of(held) in {last, last + 1}
        last = number_of(held)
    assert len(store.listed()) == 1


def test_a_store_is_read_while_another_process_writes(path: Path, store: SqliteConversationStore) -> None:
    conversation = store.save(chat("a", ("one?", "1")))
    writer = start("hold", path)
    try:
        assert line_of(writer) == "held"
        assert store.load("a") == conversation
        assert len(store.listed("one")) == 1
        with pytest.raises(ConversationStoreError, match="held the file for too long"):
            store.save(conversation.asked("two?"), replaces=conversation)
    finally:
        kill(writer)
    assert store.save(conversation.asked("two?"), replaces=conversation).key == "a"


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_is_told_and_spares_what_was_saved(path: Path, store: SqliteConversationStore) -> None:
    writer = start("fill", path)
    *told, failure = writer.communicate()[0].splitlines()
    assert str(path) in failure
    assert "disk" in failure
    held = store.load("a")
    assert held is not None
    assert [turn.question for turn in held.turns] == [told[-1], "x" * 50_000 * int(told[-1])]

"""What is particular to the file: its rows, its moments, its permissions."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.conversation_store.sqlite import SqliteConversationStore
from domain.chat import ChatResponse, Choice, Message, OtherPart, TextPart
from domain.conversation import Conversation
from ports.conversation_store import KEPT_AFTER_DELETION
from tests.adapters.conversation_store.conversations import CONVERSATIONS
from tests.contracts.conversation_store import PICTURE, SECOND, answered, chat, heard
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "here" / "conversations.db"


@pytest.fixture
def store(path: Path, clock: FakeClock) -> Iterator[SqliteConversationStore]:
    store = SqliteConversationStore(path, clock)
    yield store
    store.close()


@pytest.fixture
def other(path: Path, clock: FakeClock) -> Iterator[SqliteConversationStore]:
    store = SqliteConversationStore(path, clock)
    yield store
    store.close()


def run(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """What the last statement gives, asked from outside."""
    rows: list[tuple[object, ...]] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


def forbid(path: Path, table: str, condition: str = "1") -> None:
    """From now on no row of this table may be written."""
    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        when = condition.replace("ROW", row)
        run(
            path,
            f"CREATE TRIGGER no_{event}_{table} BEFORE {event} ON {table} WHEN {when} "
            "BEGIN SELECT RAISE(ABORT, 'written'); END",
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=CONVERSATIONS, second=CONVERSATIONS)
def test_any_conversation_survives(
    store: SqliteConversationStore, other: SqliteConversationStore, first: Conversation, second: Conversation
) -> None:
    first = replace(first, key=uuid4().hex)
    assert store.save(first) == first
    assert other.load(first.key) == first
    over = replace(second, key=first.key, name=first.name)
    assert other.save(over, replaces=first) == over
    assert store.load(first.key) == over


def test_a_growing_answer_is_all_that_is_written(path: Path, store: SqliteConversationStore) -> None:
    conversation = answered(chat("a").asked("seen?", (PICTURE,)).begun("m").interrupted(), "one?", "1")
    saved = store.save(conversation.asked("two?", (PICTURE,)))
    forbid(path, "attachments")
    forbid(path, "turns", "ROW.place < 2")
    running = saved
    for text in ("t", "tw", "two"):
        running = heard(running, text)
        saved = store.save(running, replaces=saved)
    store.save(running.interrupted().asked_again(2), replaces=saved)
    assert store.load("a") == running.interrupted().asked_again(2)


def test_a_save_without_a_change_writes_nothing(path: Path, store: SqliteConversationStore) -> None:
    conversation = store.save(chat("a", ("one?", "1")))
    for table in ("attachments", "turns", "conversations"):
        forbid(path, table)
    assert store.save(conversation, replaces=conversation) == conversation


def test_what_json_makes_equal_parts_nobody(store: SqliteConversationStore, other: SqliteConversationStore) -> None:
    # The halves of 😀 come in two pieces from some models, and their numbers need not be numbers.
    message = Message(
        role="assistant",
        content=(TextPart(text="\ud83d\ude00 \ud83d"), OtherPart(raw={"p": float("nan")})),
        extras={"q": float("inf")},
    )
    begun = Conversation(key="a\udc00", name="\ud83d").asked("\ude00?").begun("m")
    saved = store.save(begun.heard(1, ChatResponse(choices=(Choice(message=message),)), SECOND))
    loaded = other.load("a\udc00")
    assert loaded is not None
    assert loaded.last is not None
    assert loaded.last.answer.text == "😀 \ud83d"
    finished = saved.finished(1)
    assert other.save(finished, replaces=saved).key == saved.key
    assert [summary.title for summary in store.listed("\ude00?")] == ["\ud83d"]


def test_the_file_and_its_folders_are_their_owners(path: Path, store: SqliteConversationStore) -> None:
    store.save(chat("a", ("one?", "1")))
    if sys.platform != "win32":
        assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
            "conversations.db": 0o600,
            "conversations.db-wal": 0o600,
            "conversations.db-shm": 0o600,
        }
        assert [each.stat().st_mode & 0o777 for each in (path.parent, path.parents[1])] == [0o700, 0o700]


def test_modes_that_were_there_before_stay(path: Path, store: SqliteConversationStore) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o755)
    path.touch()
    path.chmod(0o640)
    store.save(chat("a", ("one?", "1")))
    assert path.stat().st_mode & 0o777 in {0o640, 0o666}
    assert path.parent.stat().st_mode & 0o777 in {0o755, 0o777}


def test_readers_and_a_writer_need_not_wait_for_each_other(path: Path, store: SqliteConversationStore) -> None:
    store.listed()
    assert run(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.skipif(sys.platform == "win32", reason="open files stay where they are there")
def test_a_file_that_was_taken_away_is_not_written_on(path: Path, store: SqliteConversationStore) -> None:
    conversation = store.save(chat("a", ("one?", "1")))
    store.close()
    store.listed()
    for each in list(path.parent.iterdir()):
        each.rename(each.with_name(f"old-{each.name}"))
    assert store.load("a") is None
    assert store.save(conversation.asked("two?"), replaces=conversation).key == "a"
    assert run(path, "SELECT count(*) FROM turns") == [(2,)]


def test_room_is_given_back_to_the_disk(path: Path, store: SqliteConversationStore, clock: FakeClock) -> None:
    store.save(chat("a", ("one?", "x" * 1_000_000)))
    store.delete("a")
    clock.advance(KEPT_AFTER_DELETION)
    store.save(chat("b", ("two?", "2")))
    store.close()
    assert path.stat().st_size < 100_000
    assert run(path, "SELECT (SELECT count(*) FROM turns), (SELECT count(*) FROM conversations)") == [(1, 1)]


def test_times_are_kept_to_the_microsecond(store: SqliteConversationStore, clock: FakeClock) -> None:
    clock.advance(timedelta(days=100_000, microseconds=7))
    store.save(chat("a", ("one?", "1")))
    assert [summary.updated_at for summary in store.listed()] == [clock.now()]


def test_a_closed_store_opens_again(store: SqliteConversationStore) -> None:
    conversation = store.save(chat("a", ("one?", "1")))
    store.close()
    assert store.load("a") == conversation

"""What cannot be read or written is told, and stays as it is."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.conversation_store.sqlite import SqliteConversationStore
from adapters.conversation_store.troubles import store_error
from domain.errors import ConversationStoreError
from tests.contracts.conversation_store import chat
from tests.fakes.clock import FakeClock

CONVERSATION = chat("a", ("one?", "x" * 20_000))
USES: dict[str, Callable[[SqliteConversationStore], object]] = {
    "save": lambda store: store.save(CONVERSATION),
    "load": lambda store: store.load("a"),
    "listed": lambda store: store.listed(),
    "search": lambda store: store.listed("xxx"),
    "rename": lambda store: store.rename("a", "Named"),
    "delete": lambda store: store.delete("a"),
    "restore": lambda store: store.restore("a"),
}
ANY_USE = pytest.mark.parametrize("use", USES.values(), ids=USES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteConversationStore]:
    store = SqliteConversationStore(path, FakeClock(), lock_timeout=timedelta(milliseconds=20))
    yield store
    store.close()


def run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def fail(store: SqliteConversationStore, use: Callable[[SqliteConversationStore], object]) -> str:
    with pytest.raises(ConversationStoreError) as caught:
        use(store)
    return str(caught.value)


@ANY_USE
def test_a_file_that_is_no_database_is_told_and_kept(
    path: Path, store: SqliteConversationStore, use: Callable[[SqliteConversationStore], object]
) -> None:
    path.write_bytes(b"my diary\n" * 1_000)
    told = fail(store, use)
    assert str(path) in told
    assert "damaged" in told
    assert path.read_bytes() == b"my diary\n" * 1_000


@pytest.mark.parametrize("use", [USES["load"], USES["search"], USES["save"]])
def test_a_damaged_file_is_told_and_kept(
    path: Path, store: SqliteConversationStore, use: Callable[[SqliteConversationStore], object]
) -> None:
    store.save(CONVERSATION)
    store.close()
    whole = path.read_bytes()
    # All but the first page, which holds the tables' names.
    broken = whole[:4096] + b"\xff" * (len(whole) - 4096)
    path.write_bytes(broken)
    told = fail(SqliteConversationStore(path, FakeClock()), use)
    assert str(path) in told
    assert "damaged" in told
    assert path.read_bytes() == broken


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE turns SET body = x'ff'",
        "UPDATE turns SET body = '[]'",
        "UPDATE conversations SET head = '{'",
        "UPDATE turns SET body = 7",
    ],
)
def test_a_damaged_row_is_told(path: Path, store: SqliteConversationStore, statement: str) -> None:
    store.save(CONVERSATION)
    store.close()
    run(path, statement)
    told = fail(SqliteConversationStore(path, FakeClock()), USES["load"])
    assert str(path) in told
    assert "damaged" in told


@ANY_USE
def test_the_file_of_a_newer_version_is_left_alone(
    path: Path, store: SqliteConversationStore, use: Callable[[SqliteConversationStore], object]
) -> None:
    store.save(CONVERSATION)
    # While this program is running, too.
    run(path, "PRAGMA user_version = 99")
    assert "newer version" in fail(store, use)
    store.close()
    assert "newer version" in fail(store, use)
    run(path, "PRAGMA user_version = 1")
    assert store.load("a") == CONVERSATION


@pytest.mark.parametrize("version", [0, 1, 99])
def test_the_database_of_another_program_is_left_alone(
    path: Path, store: SqliteConversationStore, version: int
) -> None:
    run(path, "CREATE TABLE recipes (name)")
    run(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    assert "another program" in fail(store, USES["save"])
    assert path.read_bytes() == before


@ANY_USE
def test_a_place_where_no_file_can_be_is_told(tmp_path: Path, use: Callable[[SqliteConversationStore], object]) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "conversations.db"):
        told = fail(SqliteConversationStore(path, FakeClock()), use)
        assert str(path) in told
        assert "folder" in told


def test_a_file_that_others_hold_is_waited_for_to_the_limit(path: Path, store: SqliteConversationStore) -> None:
    store.save(CONVERSATION)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert "held the file for too long" in fail(store, USES["delete"])
        assert store.load("a") == CONVERSATION
    store.delete("a")
    assert store.load("a") is None


def test_a_failure_in_the_middle_takes_all_back(path: Path, store: SqliteConversationStore) -> None:
    saved = store.save(CONVERSATION)
    run(path, "CREATE TRIGGER no BEFORE INSERT ON turns BEGIN SELECT RAISE(ABORT, 'no'); END")
    edited = saved.edited(0, "other?").begun("m").interrupted().asked("more?")
    fail(store, lambda each: each.save(edited, replaces=saved))
    assert store.load("a") == CONVERSATION
    run(path, "DROP TRIGGER no")
    assert store.save(edited, replaces=saved) == edited


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "Make room"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "permission"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "held"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "folder"),
        (sqlite3.SQLITE_MISUSE, "why."),
    ],
)
def test_each_failure_has_its_advice(code: int, advice: str) -> None:
    error = sqlite3.OperationalError("why")
    error.sqlite_errorcode = code
    assert advice in str(store_error(Path("kept.db"), error))


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "Make room"), (errno.EACCES, "permission"), (errno.EROFS, "permission"), (errno.ENOENT, "folder")],
)
def test_each_failure_of_the_system_has_its_advice(number: int, advice: str) -> None:
    told = str(store_error(Path("kept.db"), OSError(number, "why")))
    assert "kept.db could not be read or written: why." in told
    assert advice in told

"""The file: how it is created, opened, brought up to date, and shared by threads and processes."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from adapters.conversation_store.troubles import foreign, newer, store_error

_APPLICATION_ID = 0x4F434143  # "OCAC", https://sqlite.org/pragma.html#pragma_application_id

# Step n makes version n + 1 of version n. What has been released is never changed: files of that version are about.
# Texts are bytes: UTF-8 where it is JSON, so that nothing that Python calls a string is refused or cut.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL UNIQUE,
            revision TEXT NOT NULL,    -- another one whenever the turns change, never one that has been
            updated_at_us INTEGER NOT NULL,
            deleted_at_us INTEGER,
            first_words BLOB NOT NULL, -- JSON: the title without the name
            name_words BLOB NOT NULL,  -- to be searched
            head BLOB NOT NULL         -- JSON: the conversation without its turns
        )
        """,
        "CREATE INDEX conversations_listed ON conversations (updated_at_us, id) WHERE deleted_at_us IS NULL",
        "CREATE INDEX conversations_deleted ON conversations (deleted_at_us) WHERE deleted_at_us IS NOT NULL",
        """
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            words BLOB NOT NULL,       -- to be searched; first, since a long row is read up to what is asked for
            body BLOB NOT NULL,        -- JSON: the turn without its attachments
            UNIQUE (conversation, place)
        )
        """,
        """
        CREATE TABLE attachments (
            turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            body BLOB NOT NULL,        -- JSON
            UNIQUE (turn, place)
        )
        """,
    ),
)


class Database:
    """One connection for each call that runs at this moment, kept for the calls to come.

    Neither one for all, behind which a list would wait for a search, nor one for each thread: Streamlit begins a thread
    for every run of its script, and none of them tells when it ends.
    """

    def __init__(self, path: Path, *, lock_timeout: timedelta) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int]]] = []

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """One moment of the file, whatever is written meanwhile. Raises ConversationStoreError."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """All of it or nothing, alone among writers. Raises ConversationStoreError."""
        # Immediate: a transaction that begins to read and then writes would be refused without a wait.
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close what nobody uses at this moment."""
        while self._idle:
            self._idle.pop()[0].close()

    @contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        try:
            connection, identity = self._connection()
            try:
                connection.execute(begin)
                self._refuse_newer(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Takes back what was begun; and a connection that has failed may well fail again.
                connection.close()
                raise
            self._idle.append((connection, identity))
        except (sqlite3.Error, OSError) as error:
            raise store_error(self._path, error) from error

    def _connection(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        while True:
            try:
                connection, identity = self._idle.pop()
            except IndexError:
                return self._opened()
            # Who goes on writing to a file that was moved away or deleted writes for nobody.
            if _identity(self._path) == identity:
                return connection, identity
            connection.close()

    def _opened(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        _create(self._path)
        identity = _identity(self._path)
        connection = sqlite3.connect(
            self._path,
            timeout=self._lock_timeout.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            # Nobody will get it, so nobody else would close it.
            connection.close()
            raise
        return connection, identity or (0, 0)

    def _refuse_newer(self, connection: sqlite3.Connection) -> None:
        """To be asked in every transaction: a newer program may come to the file while this one is running."""
        if _pragma(connection, "user_version") > len(MIGRATIONS):
            raise newer(self._path)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        version = _pragma(connection, "user_version")
        if version and _pragma(connection, "application_id") != _APPLICATION_ID:
            raise foreign(self._path)
        if version < len(MIGRATIONS):
            self._migrate(connection)
        # Then readers and a writer do not wait for each other. SQLite refuses the change at once while others are
        # there: whoever opens the file next makes it, and until then all goes well, if slower.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        # Saved is saved, also where the power fails.
        connection.execute("PRAGMA synchronous = FULL")

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _is_empty(connection):
            # Before there is a table, or never: the room of what was removed is given back to the disk.
            connection.execute("PRAGMA auto_vacuum = FULL")
        connection.execute("BEGIN IMMEDIATE")
        # Again, since another process may have been here meanwhile.
        version = _pragma(connection, "user_version")
        if version == 0:
            if not _is_empty(connection):
                raise foreign(self._path)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, len(MIGRATIONS))}")
        connection.execute("COMMIT")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None where none can be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _create(path: Path) -> None:
    """An empty file, for the owner's eyes alone, in folders of that kind; what is there already stays as it is.

    The files that SQLite puts beside it take its mode.
    """
    for folder in reversed(path.parents):
        with suppress(FileExistsError):
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

"""Conversations in one SQLite file."""

import sqlite3
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import uuid4

from adapters.conversation_store.database import Database
from adapters.conversation_store.rows import (
    Turns,
    first_words_of,
    head_of,
    raw,
    read_first_words,
    read_head,
    read_turns,
    same_turns,
    searchable,
    write_turns,
)
from adapters.conversation_store.troubles import damaged
from domain.conversation import Conversation, ConversationSummary
from domain.errors import InvalidRequestError
from ports.clock import Clock
from ports.conversation_store import KEPT_AFTER_DELETION

DEFAULT_LOCK_TIMEOUT = timedelta(seconds=10)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# About as many conversations as are open at a time; each keeps its pictures in memory.
_REMEMBERED = 8

_LISTED = """
    SELECT head, first_words, updated_at_us FROM conversations AS one
    WHERE deleted_at_us IS NULL {having} ORDER BY updated_at_us DESC, id DESC LIMIT ?
"""
_HAVING = """
    AND NOT EXISTS (
        WITH wanted (word) AS (VALUES {words})
        SELECT 1 FROM wanted WHERE NOT instr(name_words, word) AND NOT EXISTS (
            SELECT 1 FROM turns WHERE conversation = one.id AND instr(words, word)
        )
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A row of `conversations`."""

    id: int
    revision: str
    deleted: bool
    head: bytes


class SqliteConversationStore:
    """A ConversationStore for all threads and processes of one machine, in a file that is created when it is missing.

    What `save` has returned from survives `kill -9` and the loss of power. A damaged file is never deleted. To be
    closed once nobody uses it; a child made by `fork` needs a store of its own.
    """

    def __init__(self, path: Path, clock: Clock, *, lock_timeout: timedelta = DEFAULT_LOCK_TIMEOUT) -> None:
        self._path = path
        self._clock = clock
        self._database = Database(path, lock_timeout=lock_timeout)
        # The turns that a revision stands for, so that a save need not read what this store has written a second ago.
        self._known: OrderedDict[str, Turns] = OrderedDict()
        self._lock = Lock()

    def close(self) -> None:
        """Let go of the file; what comes later opens it again."""
        self._database.close()

    def save(self, conversation: Conversation, *, replaces: Conversation | None = None) -> Conversation:
        key = (replaces.key if replaces is not None else "") or conversation.key
        if not key:
            raise ValueError("A conversation needs a key to be saved under.")
        conversation = replace(conversation, key=key)
        with self._writing() as connection:
            self._purge(connection)
            stored = _find(connection, key)
            over = None if stored is None else self._turns(connection, stored)
            if stored is None or over is None:
                saved, revision = conversation, self._insert(connection, conversation)
            elif _may_replace(over, conversation, replaces):
                saved, revision = self._update(connection, stored, conversation, over, new=replaces is None)
            else:
                saved = replace(conversation, key=uuid4().hex)
                revision = self._insert(connection, saved)
        # Not before all of it is stored.
        self._remember(revision, saved.turns)
        return saved

    def load(self, key: str) -> Conversation | None:
        with self._reading() as connection:
            stored = _find(connection, key)
            if stored is None or stored.deleted:
                return None
            turns = self._turns(connection, stored)
            conversation = replace(read_head(stored.head), turns=turns)
        self._remember(stored.revision, turns)
        return conversation

    def listed(self, search: str = "", *, limit: int = 200) -> tuple[ConversationSummary, ...]:
        words = [searchable(word) for word in dict.fromkeys(search.split())]
        having = _HAVING.format(words=", ".join(["(?)"] * len(words))) if words else ""
        with self._reading() as connection:
            rows = connection.execute(_LISTED.format(having=having), (*words, max(limit, 0)))
            return tuple(_summary(*row) for row in rows)

    def rename(self, key: str, name: str) -> None:
        with self._writing() as connection:
            stored = _find(connection, key)
            if stored is not None:
                head = head_of(replace(read_head(stored.head), name=name))
                connection.execute(
                    "UPDATE conversations SET head = ?, name_words = ? WHERE id = ?",
                    (head, searchable(name), stored.id),
                )

    def delete(self, key: str) -> None:
        with self._writing() as connection:
            connection.execute(
                "UPDATE conversations SET deleted_at_us = ? WHERE key = ? AND deleted_at_us IS NULL",
                (self._now_us(), raw(key)),
            )

    def restore(self, key: str) -> None:
        with self._writing() as connection:
            connection.execute("UPDATE conversations SET deleted_at_us = NULL WHERE key = ?", (raw(key),))

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._telling_damage(), self._database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        with self._telling_damage(), self._database.writing() as connection:
            yield connection

    @contextmanager
    def _telling_damage(self) -> Generator[None]:
        try:
            yield
        except InvalidRequestError as error:
            raise damaged(self._path, str(error)) from error

    def _insert(self, connection: sqlite3.Connection, conversation: Conversation) -> str:
        revision = uuid4().hex
        row = connection.execute(
            "INSERT INTO conversations (key, revision, updated_at_us, first_words, name_words, head) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                raw(conversation.key),
                revision,
                self._now_us(),
                first_words_of(conversation),
                searchable(conversation.name),
                head_of(conversation),
            ),
        )
        write_turns(connection, row.lastrowid or 0, conversation.turns, over=())
        return revision

    def _update(
        self, connection: sqlite3.Connection, stored: _Stored, conversation: Conversation, over: Turns, *, new: bool
    ) -> tuple[Conversation, str]:
        before = read_head(stored.head)
        saved = replace(conversation, name=before.name)
        head, changed = head_of(saved), over != saved.turns
        if changed or head != stored.head:
            revision = uuid4().hex if changed else stored.revision
            write_turns(connection, stored.id, saved.turns, over=over)
            connection.execute(
                "UPDATE conversations SET revision = ?, updated_at_us = ?, first_words = ?, head = ? WHERE id = ?",
                (revision, self._now_us(), first_words_of(saved), head, stored.id),
            )
        else:
            revision = stored.revision
        if stored.deleted and (new or saved.attempts > before.attempts):
            connection.execute("UPDATE conversations SET deleted_at_us = NULL WHERE id = ?", (stored.id,))
        return saved, revision

    def _purge(self, connection: sqlite3.Connection) -> None:
        due = (self._now_us() - KEPT_AFTER_DELETION // _MICROSECOND,)
        connection.execute("DELETE FROM conversations WHERE deleted_at_us <= ?", due)

    def _turns(self, connection: sqlite3.Connection, stored: _Stored) -> Turns:
        with self._lock:
            known = self._known.get(stored.revision)
        return read_turns(connection, stored.id) if known is None else known

    def _remember(self, revision: str, turns: Turns) -> None:
        with self._lock:
            self._known[revision] = turns
            self._known.move_to_end(revision)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _now_us(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND


def _may_replace(over: Turns, conversation: Conversation, replaces: Conversation | None) -> bool:
    """Whether this holder has known all that is stored, or adds nothing to it."""
    if replaces is not None and over == replaces.turns:
        return True
    return same_turns(over, conversation.turns) or (replaces is not None and same_turns(over, replaces.turns))


def _find(connection: sqlite3.Connection, key: str) -> _Stored | None:
    row = connection.execute(
        "SELECT id, revision, deleted_at_us IS NOT NULL, head FROM conversations WHERE key = ?", (raw(key),)
    ).fetchone()
    return None if row is None else _Stored(id=row[0], revision=row[1], deleted=bool(row[2]), head=row[3])


def _summary(head: bytes, first_words: bytes, updated_at_us: int) -> ConversationSummary:
    conversation = read_head(head)
    return ConversationSummary(
        key=conversation.key,
        title=conversation.name or read_first_words(first_words),
        updated_at=_EPOCH + updated_at_us * _MICROSECOND,
    )

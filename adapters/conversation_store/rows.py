"""A conversation as rows: the head, the turns, the attachments. Only what has changed is written.

A growing answer is one row, saved about once a second; the pictures of its conversation are megabytes in other rows.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, zip_longest
from typing import Any

from adapters.wire.declared_json import decoded, encoded, json_bytes, json_value
from domain.conversation import Attachment, Conversation, Turn
from domain.errors import InvalidRequestError
from domain.words import Text

Turns = tuple[Turn, ...]


def raw(text: str) -> bytes:
    """Any string of Python's, half a character included."""
    return text.encode("utf-8", "surrogatepass")


def searchable(text: str) -> bytes:
    """Without regard to case. A part of the text is a part of these bytes, which is why nothing else is made equal."""
    return raw(text.casefold())


def head_of(conversation: Conversation) -> bytes:
    return json_bytes(encoded(replace(conversation, turns=())))


def read_head(head: object) -> Conversation:
    """The conversation without its turns. Raises InvalidRequestError where the row is damaged."""
    return decoded(Conversation, _json(head), "conversation")


def first_words_of(conversation: Conversation) -> bytes:
    return json_bytes(replace(conversation, name="").title)


def read_first_words(first_words: object) -> str:
    return decoded(str, _json(first_words), "first_words")


def read_turns(connection: sqlite3.Connection, conversation: int) -> Turns:
    """Raises InvalidRequestError where a row is damaged."""
    rows = connection.execute(
        "SELECT turns.place, turns.body, attachments.body FROM turns LEFT JOIN attachments ON turn = turns.id "
        "WHERE conversation = ? ORDER BY turns.place, attachments.place",
        (conversation,),
    )
    return tuple(_turn(list(group)) for _, group in groupby(rows, key=lambda row: row[0]))


def write_turns(connection: sqlite3.Connection, conversation: int, turns: Turns, *, over: Turns) -> None:
    """Store `turns` where `over` are."""
    for place, (turn, old) in enumerate(zip_longest(turns, over)):
        if turn is None:
            connection.execute("DELETE FROM turns WHERE conversation = ? AND place = ?", (conversation, place))
        elif old is None:
            row = connection.execute(
                "INSERT INTO turns (conversation, place, words, body) VALUES (?, ?, ?, ?)",
                (conversation, place, _words(turn), _body(turn)),
            )
            _insert_attachments(connection, row.lastrowid, turn.attachments)
        elif turn != old:
            _update_turn(connection, (conversation, place), turn, old)


def same_turns(these: Turns, those: Turns) -> bool:
    """Whether they are stored alike: JSON makes equal what Python does not (NaN, the halves of a character)."""
    return these == those or json_bytes(encoded(these)) == json_bytes(encoded(those))


def _update_turn(connection: sqlite3.Connection, where: tuple[int, int], turn: Turn, old: Turn) -> None:
    connection.execute(
        "UPDATE turns SET words = ?, body = ? WHERE conversation = ? AND place = ?",
        (_words(turn), _body(turn), *where),
    )
    if turn.attachments != old.attachments:
        (number,) = connection.execute("SELECT id FROM turns WHERE conversation = ? AND place = ?", where).fetchone()
        connection.execute("DELETE FROM attachments WHERE turn = ?", (number,))
        _insert_attachments(connection, number, turn.attachments)


def _insert_attachments(connection: sqlite3.Connection, turn: int | None, attachments: Sequence[Attachment]) -> None:
    connection.executemany(
        "INSERT INTO attachments (turn, place, body) VALUES (?, ?, ?)",
        ((turn, place, json_bytes(encoded(each))) for place, each in enumerate(attachments)),
    )


def _words(turn: Turn) -> bytes:
    return searchable("\n".join((turn.question, turn.answer.text, *(each.name for each in turn.attachments))))


def _body(turn: Turn) -> bytes:
    return json_bytes(encoded(replace(turn, attachments=())))


def _turn(rows: list[Any]) -> Turn:
    """One row for each attachment, or one with None."""
    turn = decoded(Turn, _json(rows[0][1]), f"turns[{rows[0][0]}]")
    attachments = (decoded(Attachment, _json(body), "attachment") for _, _, body in rows if body is not None)
    return replace(turn, attachments=tuple(attachments))


def _json(cell: object) -> object:
    """What a cell holds. Text, as a person may have put it there by hand, is as good as bytes."""
    if isinstance(cell, str):
        return json_value(cell.encode())
    if isinstance(cell, bytes):
        return json_value(cell)
    raise InvalidRequestError(Text("A cell holds neither text nor bytes.", "有单元格既不是文本也不是字节。"))

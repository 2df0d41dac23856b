"""What goes wrong with the file, told as the store's error: which file, why, and what to do."""

import errno
import sqlite3
from pathlib import Path

from domain.errors import ConversationStoreError

# The code of a failure is its lowest byte, the rest says more of it (https://sqlite.org/rescode.html).
_PRIMARY = 0xFF
_PERMISSION = "Give this process the permission to write the file and its folder."
_ROOM = "Make room on the disk."
_DAMAGE = (
    "The file is damaged, and was left as it is. Move it away to begin a new one, and keep it: the command "
    "`sqlite3 FILE .recover` may get back what is in it."
)
_FOLDER = "Name a file in a folder that this process may write to."
_HELD = "Another process has held the file for too long (`fuser` or `lsof` tell which): try again, or end it."
_DISK = "See whether the disk is full or failing; a file on a network drive belongs on a local disk."

_ADVICE = (
    ({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_SCHEMA}, _DAMAGE),
    ({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}, _HELD),
    ({sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH}, _PERMISSION),
    ({sqlite3.SQLITE_FULL}, _ROOM),
    ({sqlite3.SQLITE_CANTOPEN}, _FOLDER),
    ({sqlite3.SQLITE_IOERR}, _DISK),
)


def store_error(path: Path, error: sqlite3.Error | OSError) -> ConversationStoreError:
    """The error that says that the conversations in `path` could not be read or written."""
    advice = _advice_of_system(error) if isinstance(error, OSError) else _advice_of_sqlite(error)
    why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return ConversationStoreError(
        f"The conversations in {path} could not be read or written: {why.rstrip('.')}. {advice}".rstrip()
    )


def damaged(path: Path, why: str) -> ConversationStoreError:
    """The error that says that a row is not what was written."""
    return ConversationStoreError(f"The conversations in {path} could not be read: {why.rstrip('.')}. {_DAMAGE}")


def newer(path: Path) -> ConversationStoreError:
    return ConversationStoreError(
        f"The conversations in {path} were written by a newer version of this program, which this one would damage. "
        "Update this one, or name another file."
    )


def foreign(path: Path) -> ConversationStoreError:
    return ConversationStoreError(
        f"The conversations cannot be kept in {path}: it is the database of another program. Name another file."
    )


def _advice_of_sqlite(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    return next((advice for codes, advice in _ADVICE if code in codes), "")


def _advice_of_system(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return _ROOM
    return _PERMISSION if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else _FOLDER

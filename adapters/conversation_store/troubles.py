"""What goes wrong with the file, told as the store's error: which file, why, and what to do."""

import errno
import sqlite3
from pathlib import Path

from domain.errors import ConversationStoreError
from domain.system_words import system_words
from domain.words import Text

# The code of a failure is its lowest byte, the rest says more of it (https://sqlite.org/rescode.html).
_PRIMARY = 0xFF
_PERMISSION = Text(
    " Give this process the permission to write the file and its folder.", "请赋予本进程写入该文件及其文件夹的权限。"
)
_ROOM = Text(" Make room on the disk.", "请腾出磁盘空间。")
_DAMAGE = Text(
    " The file is damaged, and was left as it is. Move it away to begin a new one, and keep it: the command "
    "`sqlite3 FILE .recover` may get back what is in it.",
    "该文件已损坏，未作改动。请把它移走以便新建文件，并予以保留：命令 `sqlite3 FILE .recover` 或许能恢复其中的内容。",
)
_FOLDER = Text(
    " Name a file in a folder that this process may write to (OCA_DATA_DIR).",
    "请指定本进程可以写入的文件夹（OCA_DATA_DIR）。",
)
_HELD = Text(
    " Another process has held the file for too long (`fuser` or `lsof` tell which): try again, or end it.",
    "另一个进程占用该文件过久（可用 `fuser` 或 `lsof` 查找）：请重试，或结束该进程。",
)
_DISK = Text(
    " See whether the disk is full or failing; a file on a network drive belongs on a local disk.",
    "请检查磁盘是否已满或出现故障；网络驱动器上的文件应放到本地磁盘上。",
)
_NONE = Text("", "")

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
    why = system_words(error) if isinstance(error, OSError) else Text.of(str(error).rstrip("."))
    return ConversationStoreError(
        Text(
            f"The conversations in {path} could not be read or written: {why.en}.",
            f"无法读写 {path} 中的对话：{why.zh}。",
        )
        + advice
    )


def damaged(path: Path, why: str) -> ConversationStoreError:
    """The error that says that a row is not what was written."""
    told = why.rstrip(".")
    return ConversationStoreError(
        Text(f"The conversations in {path} could not be read: {told}.", f"无法读取 {path} 中的对话：{told}。") + _DAMAGE
    )


def newer(path: Path) -> ConversationStoreError:
    return ConversationStoreError(
        Text(
            f"The conversations in {path} were written by a newer version of this program, which this one would "
            "damage. Update this one, or name another file.",
            f"{path} 中的对话由更新版本的本程序写成，当前版本会将其损坏。请升级本程序，或指定其他文件。",
        )
    )


def foreign(path: Path) -> ConversationStoreError:
    return ConversationStoreError(
        Text(
            f"The conversations cannot be kept in {path}: it is the database of another program. Name another file.",
            f"无法把对话保存在 {path}：它是其他程序的数据库。请指定其他文件。",
        )
    )


def _advice_of_sqlite(error: sqlite3.Error) -> Text:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    return next((advice for codes, advice in _ADVICE if code in codes), _NONE)


def _advice_of_system(error: OSError) -> Text:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return _ROOM
    return _PERMISSION if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else _FOLDER

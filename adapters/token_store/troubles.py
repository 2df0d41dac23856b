"""What goes wrong with a file, told as the store's error: which file, why, and what to do."""

import errno
from datetime import timedelta
from pathlib import Path

from adapters.token_store.env_text import EnvTextError
from adapters.token_store.sidecar import sidecar_of
from domain.errors import TokenStoreError
from domain.system_words import system_words
from domain.words import Text

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# What becomes of a login that could not be stored at all.
IN_MEMORY = Text(
    " The new login lives on in this process's memory, which tries again: do not end it.",
    "新的登录保留在本进程的内存中，本进程会再次尝试写入：请勿结束它。",
)
_NOT_DONE = {
    "be read from": "无法从 {place} 读取令牌",
    "be written to": "无法把令牌写入 {place}",
    "be locked with": "无法用 {place} 锁定令牌",
    "be locked in": "无法锁定 {place} 中的令牌",
}
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


def store_error(what: str, path: Path, error: OSError | EnvTextError, *, rest: str | Text = "") -> TokenStoreError:
    """The error that says: the tokens could not `what` `path`. `rest` tells what becomes of them instead."""
    cause = system_words(error) if isinstance(error, OSError) else error.text.without_end()
    told = could_not(what, str(path)) + Text(f": {cause.en}.", f"：{cause.zh}。")
    return TokenStoreError(told + _advice(error) + rest)


def could_not(what: str, place: str | Text) -> Text:
    """The beginning of the sentence: the tokens could not `what` this place."""
    where = Text.of(place)
    begun = _NOT_DONE[what].format(place=where.zh)
    return Text(f"The tokens could not {what} {where.en}", begun)


def _advice(error: OSError | EnvTextError) -> Text:
    number = error.errno if isinstance(error, OSError) else None
    if number in _NO_ROOM:
        return Text(" Make room on the disk.", "请腾出磁盘空间。")
    if number in _NOT_PERMITTED:
        return Text(
            " Give this process the permission to write the file and its folder.",
            "请赋予本进程写入该文件及其文件夹的权限。",
        )
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return Text(" Create the folder, or name another file.", "请创建该文件夹，或指定其他文件。")
    if number in _NO_LOCKS:
        return Text(
            " The file system offers no locks: put the file on a local disk.",
            "该文件系统不支持锁：请把文件放到本地磁盘上。",
        )
    return Text("", "")


def not_written(target: Path, error: OSError | EnvTextError, *, journal: Path | None) -> TokenStoreError:
    """The error that says that `.env` has not got the newest login, and where that is: in the journal or in memory."""
    if journal is None:
        rest = IN_MEMORY
    else:
        rest = Text(
            f" The new login is safe in {journal}, where every process finds it, and is written as soon as that works: "
            "do not delete that file.",
            f"新的登录已安全保存在 {journal} 中，所有进程都能找到它，一旦可以写入就会写回：请勿删除该文件。",
        )
    return store_error("be written to", target, error, rest=rest)


def not_cleared(target: Path, error: OSError | EnvTextError) -> TokenStoreError:
    """The error that says that a login which is to be forgotten stands in `.env` still."""
    rest = Text(" The login still stands there.", "登录信息仍留在其中。")
    return store_error("be written to", target, error, rest=rest)


def held_for_long(target: Path, wait: timedelta) -> TokenStoreError:
    """The error that says that another process holds the lock of `.env` and does not let go."""
    lock, seconds = sidecar_of(target), f"{wait.total_seconds():g}"
    return TokenStoreError(
        Text(
            f"The tokens in {target} are not refreshed now: another process has held the lock {lock} for more than "
            f"{seconds} s. Find it (`fuser` or `lsof` with the lock's path) and end it, which frees the lock; deleting "
            "the lock file does not help.",
            f"{target} 中的令牌暂不刷新：另一个进程占用锁 {lock} 已超过 {seconds} 秒。"
            "请找到该进程（用 `fuser` 或 `lsof` 加锁文件的路径）并结束它，锁随即释放；删除锁文件没有用。",
        )
    )


def replaced_meanwhile(target: Path) -> TokenStoreError:
    return TokenStoreError(
        Text(
            f"The refresh token in {target} was replaced while another one was being renewed. "
            "The one in the file is kept, and used from now on.",
            f"{target} 中的刷新令牌在另一个令牌刷新期间被替换。文件中的令牌予以保留，今后使用它。",
        )
    )

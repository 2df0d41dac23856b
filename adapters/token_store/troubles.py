"""What goes wrong with a file, told as the store's error: which file, why, and what to do."""

import errno
from pathlib import Path

from adapters.token_store.env_text import EnvTextError
from domain.errors import TokenStoreError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


def store_error(what: str, path: Path, error: OSError | EnvTextError, *, rest: str = "") -> TokenStoreError:
    """The error that says: the tokens could not `what` `path`. `rest` tells what becomes of them instead."""
    cause, number = (error.strerror or str(error), error.errno) if isinstance(error, OSError) else (str(error), None)
    if number in _NO_ROOM:
        advice = " Make room on the disk."
    elif number in _NOT_PERMITTED:
        advice = " Give this process the permission to write the file and its folder."
    elif number in {errno.ENOENT, errno.ENOTDIR}:
        advice = " Create the folder, or name another file."
    elif number in _NO_LOCKS:
        advice = " The file system offers no locks: put the file on a local disk."
    else:
        advice = ""
    return TokenStoreError(f"The tokens could not {what} {path}: {cause.rstrip('.')}.{advice}{rest}")


def not_written(target: Path, error: OSError | EnvTextError, *, journal: Path | None) -> TokenStoreError:
    """The error that says that `.env` has not got the newest login, and where that is: in the journal or in memory."""
    if journal is None:
        rest = " The new login lives on in this process's memory, which tries again: do not end it."
    else:
        rest = (
            f" The new login is safe in {journal}, where every process finds it, and is written as soon as that works: "
            "do not delete that file."
        )
    return store_error("be written to", target, error, rest=rest)

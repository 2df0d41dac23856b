"""Settings in a `.env` that running processes keep their login in: edited under their lock, in their way.

Only values of keys that are no tokens change. What a process would save meanwhile waits for the lock, so no rotated
token can be lost; an editor that saves without it makes the edit begin anew.
"""

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adapters.token_store.dotenv import DEFAULT_LOCK_TIMEOUT
from adapters.token_store.env_text import EnvTextError, read_values, replace_values
from adapters.token_store.files import FileChangedError, Files, content_or_empty, replace_content, stamp, stat_or_none
from adapters.token_store.journal_file import read_journal, write_journal
from adapters.token_store.managed_keys import MANAGED_KEYS
from adapters.token_store.sidecar import Hold, SidecarLock, sidecar_of
from domain.errors import ConfigurationError
from domain.system_words import system_words
from domain.words import Text

# Each round means that somebody without the lock has changed the file in between.
_MOST_ROUNDS = 5


def edit_settings(
    path: Path,
    values: Mapping[str, str],
    *,
    template: Callable[[Mapping[str, str]], bytes],
    wait: timedelta = DEFAULT_LOCK_TIMEOUT,
    files: Files | None = None,
) -> None:
    """Give these keys these values, an empty one for none. A new file is the `template` for them, and is 0600.

    Raises ConfigurationError, with the file as it was.
    """
    if not set(values).isdisjoint(MANAGED_KEYS):
        raise ValueError("Tokens are saved by the store.")
    files = files or Files()
    target = Path(os.path.realpath(path))
    lock = SidecarLock(files)
    try:
        hold = lock.acquire(target, wait=wait)
        if hold is None:
            raise _locked(target, wait)
        try:
            _edit(files, hold, values, template)
        finally:
            lock.release(hold)
    except (OSError, EnvTextError) as error:
        raise _not_written(target, error) from error


def _edit(files: Files, hold: Hold, values: Mapping[str, str], template: Callable[[Mapping[str, str]], bytes]) -> None:
    for _ in range(_MOST_ROUNDS):
        seen = stamp(files, hold.target)
        old = template(values) if stat_or_none(files, hold.target) is None else content_or_empty(files, hold.target)
        new = replace_values(old, values)
        tokens = read_values(old, MANAGED_KEYS)
        if read_values(new, MANAGED_KEYS) != tokens:
            raise EnvTextError(Text("its tokens refer to keys that would change", "其中的令牌引用了将被更改的键"))
        with suppress(FileChangedError):
            _put(files, hold, new, seen)
            return
    raise OSError(errno.EBUSY, "It is being changed again and again")


def _put(files: Files, hold: Hold, data: bytes, seen: object) -> None:
    def check() -> None:
        if stamp(files, hold.target) != seen:
            raise FileChangedError

    sidecar = sidecar_of(hold.target)
    journal = read_journal(files, sidecar)
    begun = False

    def begin() -> None:
        nonlocal begun
        # Until the file is whole again, a refresh token in it that nobody knows is a mixture, not a person's.
        if hold.keeps_journal and journal.reached and journal.tokens.refresh_token is not None:
            begun = True
            write_journal(files, sidecar, hold.descriptor, replace(journal, reached=False, overwriting=True))

    try:
        replace_content(files, hold.target, data, check=check, before_overwriting=begin)
    finally:
        if begun:
            write_journal(files, sidecar, hold.descriptor, journal)


def _locked(target: Path, wait: timedelta) -> ConfigurationError:
    lock = sidecar_of(target)
    return ConfigurationError(
        Text(
            f"{target} was not changed: another process has held the lock {lock} for more than "
            f"{wait.total_seconds():g} s. Find it (`fuser` or `lsof` with the lock's path) and end it.",
            f"未更改 {target}：另一个进程持有锁 {lock} 已超过 {wait.total_seconds():g} 秒。"
            "请找到该进程（对锁文件使用 `fuser` 或 `lsof`）并结束它。",
        )
    )


def _not_written(target: Path, error: OSError | EnvTextError) -> ConfigurationError:
    cause = system_words(error) if isinstance(error, OSError) else error.text.without_end()
    return ConfigurationError(
        Text(
            f"{target} could not be changed: {cause.en}. Check the permissions of the file and its folder, and "
            "the room on the disk.",
            f"无法更改 {target}：{cause.zh}。请检查该文件及其所在目录的权限，以及磁盘空间。",
        )
    )

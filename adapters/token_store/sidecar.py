"""The file beside `.env` that is its lock, and holds its journal.

It is never deleted: whoever had opened a deleted one would lock a file that nobody else sees.
"""

import contextlib
import errno
import os
import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from adapters.token_store.files import Files, stat_or_none
from domain.tokens import TokenSet

_SUFFIX = ".lock"
_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SHORTEST_PAUSE = timedelta(milliseconds=2)
_LONGEST_PAUSE = timedelta(milliseconds=20)
_NO_DESCRIPTOR = -1


def sidecar_of(target: Path) -> Path:
    """The sidecar of a `.env` file whose symbolic links have been resolved."""
    return target.with_name(target.name + _SUFFIX)


@dataclass(slots=True, kw_only=True, eq=False)
class Hold:
    """The lock of one `.env` file, held. `loaded` is what its thread has been told of the store while it held it.

    `descriptor` is the open sidecar if `keeps_journal` says that it can be written, and that it keeps its secrets.
    """

    target: Path
    descriptor: int
    keeps_journal: bool
    thread_id: int = field(default_factory=threading.get_ident)
    loaded: list[TokenSet] = field(default_factory=list[TokenSet])


class SidecarLock:
    """The lock of a `.env` file.

    It is the kernel's, each time on a descriptor of its own: so it excludes threads as it excludes processes, and it
    ends with its holder, however that ends. A sidecar that cannot be written is locked all the same, and where none can
    be created (a read-only folder around a file that can be written) the `.env` file itself is; then there is no
    journal.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._descriptors: set[int] = set()
        self.held: Hold | None = None
        _forget_after_fork(self)

    def acquire(self, target: Path, *, wait: timedelta) -> Hold | None:
        """Hold the lock, or give up after `wait`. Raises OSError."""
        deadline = time.monotonic() + wait.total_seconds()
        while True:
            path, descriptor, keeps_journal = self._open(target)
            self._descriptors.add(descriptor)
            try:
                locked = _lock(descriptor, deadline)
                # A sidecar that was deleted meanwhile is the lock no more; the new one may have been taken by another.
                in_place = locked and os.path.samestat(os.fstat(descriptor), self._files.stat(path))
            except FileNotFoundError:
                locked, in_place = True, False
            except BaseException:
                self._close(descriptor)
                raise
            if in_place:
                self.held = Hold(target=target, descriptor=descriptor, keeps_journal=keeps_journal)
                return self.held
            self._close(descriptor)
            if not locked:
                return None

    def release(self, hold: Hold) -> None:
        descriptor, hold.descriptor = hold.descriptor, _NO_DESCRIPTOR
        if descriptor == _NO_DESCRIPTOR:
            # A forked child leaves the block in which its parent holds the lock.
            return
        if self.held is hold:
            self.held = None
        # Unlocked before it is closed: a forked child may have a copy of the descriptor, and with it the lock.
        with contextlib.suppress(OSError):
            unlock_descriptor(descriptor)
        self._close(descriptor)

    def forget(self) -> None:
        """In a forked child: close the copies of the parent's descriptors, which leaves the parent its lock."""
        if self.held is not None:
            self.held.descriptor = _NO_DESCRIPTOR
            self.held = None
        for descriptor in tuple(self._descriptors):
            self._close(descriptor)

    def _open(self, target: Path) -> tuple[Path, int, bool]:
        """The file to lock, open, and whether a journal can be kept in it."""
        path = sidecar_of(target)
        try:
            descriptor = self._files.open_or_create(path)
        except OSError as error:
            # Windows keeps others from reading a locked file; the lock of `.env` itself would lock its readers out.
            if error.errno not in _NOT_PERMITTED or os.name == "nt":
                raise
            # Whoever can write the sidecar locks it, so it must be this one, wherever there is one.
            path = target if stat_or_none(self._files, path) is None else path
            try:
                return path, self._files.open_to_read(path), False
            except OSError:
                raise error from None
        return path, descriptor, self._is_private(descriptor, target)

    def _is_private(self, descriptor: int, target: Path) -> bool:
        """Whether nobody but its owner can read the sidecar, now if not before."""
        try:
            self._files.keep_private(descriptor, stat_or_none(self._files, target))
        except OSError:
            return False
        return True

    def _close(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        with contextlib.suppress(OSError):
            self._files.close(descriptor)


def _lock(descriptor: int, deadline: float) -> bool:
    pause_s = _SHORTEST_PAUSE.total_seconds()
    while not lock_descriptor(descriptor, blocking=False):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        # The kernel's lock offers no wait with an end.
        time.sleep(min(pause_s, left_s))  # noqa: TID251 - a bounded wait for what another process does
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE.total_seconds())
    return True


def _forget_after_fork(lock: SidecarLock) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    # Weak, since what is registered stays for the life of the process.
    reference = weakref.ref(lock)

    def forget() -> None:
        forgetful = reference()
        if forgetful is not None:
            forgetful.forget()

    os.register_at_fork(after_in_child=forget)

"""Files that fail, or die, on request."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from adapters.token_store.files import Files


def at_ease(_: str) -> None:
    """Nothing fails."""


class Killed(BaseException):
    """The process is no more: nothing that comes after this has an effect."""


class FaultyFiles(Files):
    """The real files, each step told to `before_step` first, which may raise; `steps` lists them.

    A write that fails has written its first half. From the first `Killed` on every step raises it.
    """

    def __init__(self, before_step: Callable[[str], None] = at_ease) -> None:
        self.before_step = before_step
        self.steps: list[str] = []
        self.dead = False

    def _step(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.steps.append(name)
        try:
            self.before_step(name)
        except Killed:
            self.dead = True
            raise

    def create(self, path: Path) -> int:
        self._step("create")
        return super().create(path)

    def open(self, path: Path) -> int:
        self._step("open")
        return super().open(path)

    def close(self, descriptor: int) -> None:
        # The kernel closes a dead process's files.
        super().close(descriptor)
        self._step("close")

    def write(self, descriptor: int, data: bytes, *, offset: int = 0) -> None:
        was_dead = self.dead
        try:
            self._step("write")
        except BaseException:
            if not was_dead:
                os.lseek(descriptor, offset, os.SEEK_SET)
                os.write(descriptor, data[: len(data) // 2])
            raise
        super().write(descriptor, data, offset=offset)

    def truncate(self, descriptor: int, size: int) -> None:
        self._step("truncate")
        super().truncate(descriptor, size)

    def allocate(self, descriptor: int, size: int, *, offset: int = 0) -> None:
        self._step("allocate")
        super().allocate(descriptor, size, offset=offset)

    def keep_private(self, descriptor: int, like: os.stat_result | None) -> None:
        self._step("keep_private")
        super().keep_private(descriptor, like)

    def imitate(self, descriptor: int, model: os.stat_result) -> None:
        self._step("imitate")
        super().imitate(descriptor, model)

    def sync(self, descriptor: int) -> None:
        self._step("sync")
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self._step("sync_data")
        super().sync_data(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace")
        super().replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder")
        super().sync_folder(folder)

    def remove(self, path: Path) -> None:
        self._step("remove")
        super().remove(path)

    def open_or_create(self, path: Path) -> int:
        self._step("open_or_create")
        return super().open_or_create(path)

    def open_to_read(self, path: Path) -> int:
        self._step("open_to_read")
        return super().open_to_read(path)


def failing(number: int, *names: str) -> Callable[[str], None]:
    """Every step of these names fails with this error of the operating system."""

    def before_step(name: str) -> None:
        if name in names:
            raise OSError(number, os.strerror(number))

    return before_step


DISK_FULL = failing(errno.ENOSPC, "write", "allocate")

# `.env` and its folder; a sidecar that is there already can be written.
UNWRITABLE = failing(errno.EROFS, "create", "open")

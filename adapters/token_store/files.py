"""Whole files, replaced in one step: after a crash at any moment there is the old text or the new one.

`Files` is the thin layer over `os` that tests make fail; `replace_content` is the order of its steps.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Generator
from pathlib import Path

# Inode, time of the last change in nanoseconds, size in bytes; None for no file.
Stamp = tuple[int, int, int] | None

_TEMPORARY_PREFIX = ".oca-"
_TEMPORARY_SUFFIX = ".tmp"

# A folder in which nothing can be created or renamed, though the file in it may be writable: a file mounted by itself
# into a container (EBUSY, EXDEV), a read-only file system around it, a folder of somebody else's.
_NO_RENAME_HERE = frozenset({errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS})
_NO_SUCH_OPERATION = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES})

_BINARY = getattr(os, "O_BINARY", 0)
_PRIVATE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NOINHERIT", 0)


class Files:
    """The operating system's calls, one method each. All raise OSError."""

    def stat(self, path: str | Path) -> os.stat_result:
        return os.stat(path)  # noqa: PTH116 - one call of the operating system, as cheap as it gets

    def read(self, path: str | Path) -> bytes:
        return Path(path).read_bytes()

    def create(self, path: Path) -> int:
        """A new file, 0600; fails where there is one."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _PRIVATE | _BINARY, 0o600)

    def open(self, path: Path) -> int:
        """An existing file, for reading and writing."""
        return os.open(path, os.O_RDWR | _PRIVATE | _BINARY)

    def open_or_create(self, path: Path) -> int:
        """A file that stays where it is, 0600 when it is created, for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CREAT | _PRIVATE | _BINARY, 0o600)

    def open_to_read(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY | _PRIVATE | _BINARY)

    def content(self, descriptor: int, *, offset: int = 0) -> bytes:
        """Everything from `offset` on."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        pieces: list[bytes] = []
        while piece := os.read(descriptor, 1 << 16):
            pieces.append(piece)
        return b"".join(pieces)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def write(self, descriptor: int, data: bytes, *, offset: int = 0) -> None:
        """Write all of `data`, in one call of the operating system unless it takes only a part."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def allocate(self, descriptor: int, size: int, *, offset: int = 0) -> None:
        """Make sure that `size` bytes can be written from `offset` on; what the file holds there is left open."""
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(descriptor, offset, size)
            except OSError as error:
                if error.errno not in _NO_SUCH_OPERATION:
                    raise
            else:
                return
        self.write(descriptor, bytes(size), offset=offset)

    def keep_private(self, descriptor: int, like: os.stat_result | None) -> None:
        """Take a file out of everybody's hands but its owner's, who becomes that of `like`, as far as is permitted."""
        if not hasattr(os, "fchmod"):
            return
        own = os.fstat(descriptor)
        if stat.S_IMODE(own.st_mode) & 0o077:
            os.fchmod(descriptor, 0o600)
        if like is not None and (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
            # Only root gives files away, and has to: the owner of `.env` could not open this one afterwards.
            with contextlib.suppress(OSError):
                os.fchown(descriptor, like.st_uid, like.st_gid)

    def imitate(self, descriptor: int, model: os.stat_result) -> None:
        """Give a file the owner and the mode of another, as far as that is permitted."""
        if hasattr(os, "fchown"):
            own = os.fstat(descriptor)
            if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid):
                try:
                    os.fchown(descriptor, model.st_uid, model.st_gid)
                except OSError:
                    # Only root gives files away; a group of one's own can be given.
                    with contextlib.suppress(OSError):
                        os.fchown(descriptor, -1, model.st_gid)
        # Last: a change of the owner takes bits away from the mode.
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(model.st_mode))

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        """As `sync`, without the times of the file, where the system tells them apart."""
        getattr(os, "fdatasync", os.fsync)(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)  # noqa: PTH105 - one call of the operating system

    def sync_folder(self, folder: Path) -> None:
        """Make a rename in `folder` durable, where the system has a way to."""
        if not hasattr(os, "O_DIRECTORY"):
            return
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _PRIVATE)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno not in _NO_SUCH_OPERATION:
                raise

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted


class FileChangedError(Exception):
    """Somebody else has changed the file since it was read."""


def _nothing() -> None:
    """Nothing is to be done."""


def replace_content(
    files: Files,
    target: Path,
    data: bytes,
    *,
    check: Callable[[], None] = _nothing,
    before_overwriting: Callable[[], None] = _nothing,
) -> None:
    """Make `data` the content of `target`, whose mode is kept (0600 when it is created). Raises OSError.

    A temporary file in the same folder is written, synced and renamed onto `target`, and the folder is synced. Where
    the folder does not allow that, the file is overwritten in place, if it can be opened for that: then a death in the
    middle can leave a mixture, and `before_overwriting` is called in time. To be called by one at a time. `check` is
    called at the last moment before the old content is given up; what it raises leaves the file as it is.
    """
    model = stat_or_none(files, target)
    try:
        _remove_strays(files, target)
        with _temporary_name(files, target) as temporary:
            with closing(files, files.create(temporary)) as descriptor:
                files.write(descriptor, data)
                if model is not None:
                    files.imitate(descriptor, model)
                files.sync(descriptor)
            # Closed by now: Windows does not rename an open file.
            check()
            files.replace(temporary, target)
    except OSError as error:
        if model is None or error.errno not in _NO_RENAME_HERE:
            raise
        with closing(files, files.open(target)) as descriptor:
            before_overwriting()
            check()
            _overwrite(files, descriptor, data)
        return
    files.sync_folder(target.parent)


def prove_replaceable(files: Files, target: Path, size: int) -> None:
    """Raise OSError unless `replace_content` can be expected to find permission and room for `size` bytes."""
    is_there = stat_or_none(files, target) is not None
    try:
        with _temporary_name(files, target) as temporary, closing(files, files.create(temporary)) as descriptor:
            files.allocate(descriptor, size)
    except OSError as error:
        if error.errno not in _NO_RENAME_HERE or not is_there:
            raise
        files.close(files.open(target))
        return
    if is_there:
        _prove_mutable(files, target)


def _prove_mutable(files: Files, target: Path) -> None:
    """Raise OSError for a file that is marked as immutable: it is neither overwritten nor renamed onto."""
    try:
        files.close(files.open(target))
    except OSError as error:
        # EACCES is a lack of the right to write into it, which a rename does without.
        if error.errno == errno.EPERM:
            raise


def stat_or_none(files: Files, path: str | Path) -> os.stat_result | None:
    """What the system knows of a file, or None where there is none. Raises OSError, also for what is no plain file."""
    try:
        known = files.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(known.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    return known


def stamp(files: Files, path: str | Path) -> Stamp:
    """What changes when a file does, or None where there is none. Raises OSError."""
    known = stat_or_none(files, path)
    return None if known is None else (known.st_ino, known.st_mtime_ns, known.st_size)


def content_or_empty(files: Files, path: Path) -> bytes:
    """What a file holds, nothing where there is none. Raises OSError."""
    try:
        return b"" if stat_or_none(files, path) is None else files.read(path)
    except FileNotFoundError:
        return b""


@contextlib.contextmanager
def closing(files: Files, descriptor: int) -> Generator[int]:
    """Close a file at the end."""
    try:
        yield descriptor
    finally:
        files.close(descriptor)


@contextlib.contextmanager
def _temporary_name(files: Files, target: Path) -> Generator[Path]:
    """A name beside `target`; a file that bears it still at the end is removed."""
    # A new one each time: should the lock not hold (a network file system), two writers still never share a file.
    path = target.with_name(f"{target.name}{_TEMPORARY_PREFIX}{secrets.token_hex(6)}{_TEMPORARY_SUFFIX}")
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            files.remove(path)


def _remove_strays(files: Files, target: Path) -> None:
    """Remove what a killed writer has left behind."""
    prefix = target.name + _TEMPORARY_PREFIX
    with contextlib.suppress(OSError):
        for name in files.names(target.parent):
            if name.startswith(prefix) and name.endswith(_TEMPORARY_SUFFIX):
                files.remove(target.with_name(name))


def _overwrite(files: Files, descriptor: int, data: bytes) -> None:
    """Write into the file itself, so that whoever looks in between, or after a crash, finds old lines or new ones."""
    old = files.content(descriptor)
    try:
        if len(data) > len(old):
            # The room is taken first, as blank lines: a full disk must not be found out half-way.
            files.write(descriptor, b"\n" * (len(data) - len(old)), offset=len(old))
        # Blank lines cover the rest of a longer old text until it is cut off.
        files.write(descriptor, data.ljust(len(old), b"\n"))
        files.truncate(descriptor, len(data))
        files.sync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            files.write(descriptor, old)
            files.truncate(descriptor, len(old))
        raise

"""The events of a login as a file beside `.env`, which outlives the processes that wrote it."""

import errno
import os
import socket
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from filelock import lock_descriptor, unlock_descriptor

from adapters.token_journal.history_lines import decode_line, encode_line
from domain.token_events import HistoryEntry, TokenEvent, TokenEventKind
from ports.clock import Clock

# Of each of the two files; some 500 events.
DEFAULT_MAX_BYTES = 128 * 1024
_SUFFIX = ".history"
_OLDER = ".old"
# The last 30 events or so, which is where one looks for the refresh that has just been adopted.
_RECENT_BYTES = 8 * 1024
# O_NONBLOCK, so that a pipe in the file's place keeps nobody waiting.
_FLAGS = sum(
    getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NOINHERIT", "O_NONBLOCK", "O_NOCTTY")
)
_RENAMES_OPEN_FILES = os.name != "nt"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The last lines of a file, the first of them possibly torn."""

    inode: int | None = None
    lines: tuple[bytes, ...] = ()


def history_of(env_file: Path) -> Path:
    """The history of a `.env` file, whose symbolic links are resolved."""
    target = Path(os.path.realpath(env_file))
    return target.with_name(target.name + _SUFFIX)


def program_name(argv: Sequence[str]) -> str:
    """What a process is called: its script, with its subcommand where that is ours; never what else it was told."""
    path = PurePath(argv[0] if argv else "")
    if path.name in {"", "-", "-c", "-m"}:
        return "python"
    name = path.parent.name if path.name == "__main__.py" else path.name
    if path.stem != "oca":
        return name
    command = argv[1] if len(argv) > 1 else ""
    return f"oca {command}" if command.isalpha() else "oca"


class FileTokenHistory:
    """Implements ports.token_journal: TokenJournal and TokenHistory, in `<real path of .env>.history` (0600).

    An event is one line, added by a single write at the end of the file, so that of processes that write at once each
    keeps its line. A file that has grown to `max_bytes` is renamed to `….history.old`, in the place of an older one,
    and a new one begins: the two together hold at least the newest `max_bytes`, and never much more than twice that.
    Who still writes into the renamed file loses nothing, since both are read. No process waits for another.

    What can be lost: the line of an event when it cannot be written (full disk, read-only folder), which is said once
    in the log; a part of a line in a loss of power; and on Windows, whose appends are no single step and whose open
    files cannot be renamed, a line that is written in the same instant as another.

    An adoption is noted once for each refresh and process, and only when another process did the refresh.
    """

    def __init__(
        self, *, env_file: Path, clock: Clock, max_bytes: int = DEFAULT_MAX_BYTES, program: str | None = None
    ) -> None:
        self._env_file = env_file
        self._clock = clock
        self._max_bytes = max_bytes
        self._program = program_name(sys.argv) if program is None else program
        self._host = socket.gethostname()
        self._trouble_told = False

    def record(self, event: TokenEvent) -> None:
        path = history_of(self._env_file)
        try:
            if event.kind is TokenEventKind.ADOPTED:
                renewer = self._renewer(path)
                if renewer is None:
                    return
                event = replace(event, why=renewer)
            entry = HistoryEntry(
                event=event, at=self._clock.now(), pid=os.getpid(), program=self._program, host=self._host
            )
            _append(path, encode_line(entry), self._max_bytes)
        except OSError as error:
            self._tell(path, error)

    def recent(self, limit: int) -> tuple[HistoryEntry, ...]:
        path = history_of(self._env_file)
        try:
            # In this order: what is renamed in between is found twice, and not overlooked.
            newer, older = _read(path, 2 * self._max_bytes), _read(_older(path), 2 * self._max_bytes)
        except OSError as error:
            self._tell(path, error)
            return ()
        lines = older.lines if newer.inode == older.inode else (*older.lines, *newer.lines)
        return tuple(_entries(lines))[-limit:] if limit > 0 else ()

    def _renewer(self, path: Path) -> str | None:
        """Whose refresh is being adopted, as words, empty when nobody knows; None when there is nothing to note."""
        for entry in reversed(_entries(_read(path, _RECENT_BYTES).lines)):
            own = (entry.pid, entry.host) == (os.getpid(), self._host)
            if own and entry.event.kind in {TokenEventKind.ADOPTED, TokenEventKind.REFRESHED}:
                return None
            if entry.event.kind is TokenEventKind.REFRESHED:
                return f"renewed by {entry.program}, pid {entry.pid}"
        return ""

    def _tell(self, path: Path, error: OSError) -> None:
        if not self._trouble_told:
            self._trouble_told = True
            # `oca status` only reads: it is quick, and does without.
            import structlog  # noqa: PLC0415

            structlog.stdlib.get_logger("oca.token").warning(
                "the history of the login is not kept",
                path=str(path),
                why=f"{error.strerror or error}. Nothing else depends on it, but `oca status` knows less.",
            )


def _older(path: Path) -> Path:
    return path.with_name(path.name + _OLDER)


def _append(path: Path, line: bytes, max_bytes: int) -> None:
    _make_room(path, max_bytes)
    descriptor = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        if _ends_within_a_line(descriptor):
            # Somebody's write was cut off by a full disk; that must not cost this line too.
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _make_room(path: Path, max_bytes: int) -> None:
    """Rename a file that is full, unless somebody else is about to."""
    try:
        if path.stat().st_size < max_bytes:
            return
        if _RENAMES_OPEN_FILES:
            _rename_locked(path, max_bytes)
        else:
            os.replace(path, _older(path))  # noqa: PTH105 - one call of the operating system
    except FileNotFoundError:
        # Somebody else was faster, or has tidied up.
        return


def _rename_locked(path: Path, max_bytes: int) -> None:
    descriptor = _open(path, os.O_RDONLY)
    try:
        # Locked: of two that find the file full, the second must not rename the new one that follows it.
        if not lock_descriptor(descriptor, blocking=False):
            return
        known = os.fstat(descriptor)
        if known.st_size >= max_bytes and os.path.samestat(known, path.stat()):
            os.replace(path, _older(path))  # noqa: PTH105 - one call of the operating system
        unlock_descriptor(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file")
    return descriptor


def _ends_within_a_line(descriptor: int) -> bool:
    if os.fstat(descriptor).st_size == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"


def _read(path: Path, at_most_bytes: int) -> _Content:
    """The end of a file; nothing where there is none."""
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return _Content()
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(descriptor)
        file.seek(max(known.st_size - at_most_bytes, 0))
        return _Content(inode=known.st_ino, lines=tuple(file.read(at_most_bytes).split(b"\n")))


def _entries(lines: Sequence[bytes]) -> list[HistoryEntry]:
    return [entry for entry in map(decode_line, lines) if entry is not None]

"""The journal in the sidecar: read by anybody at any time, written by the holder of the lock.

A record that has been written survives kill -9; once it has been synced, a loss of power. The newest one stays whole
and readable until the next one is.
"""

import errno
import os
from pathlib import Path

from adapters.token_store.files import Files, closing
from adapters.token_store.journal import Journal
from adapters.token_store.records import encode_record, newest_record, place_of_next, room_for
from domain.tokens import TokenSet

# The byte in front is the one that Windows locks, and that nobody else can read meanwhile: nothing is kept in it.
_FIRST = 1
# How much longer than the newest record the next ones can be: new tokens need not be of the old tokens' size. More than
# the least is taken, so that records that grow by and by do not ask for room each time.
_LEAST_GROWTH_BYTES = 8 * 1024
_TAKEN_GROWTH_BYTES = 16 * 1024


def read_journal(files: Files, path: Path) -> Journal:
    """The newest journal, empty when there is none or it cannot be read: a login in `.env` must not depend on it."""
    try:
        with closing(files, files.open_to_read(path)) as descriptor:
            record = newest_record(files.content(descriptor, offset=_FIRST))
    except OSError:
        return Journal()
    return Journal() if record is None else Journal.decode(record.body)


def write_journal(files: Files, path: Path, descriptor: int, journal: Journal) -> None:
    """Write a record into the open sidecar, in one call of the operating system, and sync it. Raises OSError."""
    _require_in_place(files, path, descriptor)
    newest = newest_record(files.content(descriptor, offset=_FIRST))
    line = encode_record(1 if newest is None else newest.serial + 1, journal.encode())
    place = place_of_next(newest, len(line))
    files.write(descriptor, line, offset=_FIRST + place)
    files.sync_data(descriptor)
    if newest is None:
        # The name of a new file is a matter of its folder.
        files.sync_folder(path.parent)
    elif journal.tokens == TokenSet():
        _erase_all_but(files, descriptor, place, len(line))


def prove_room(files: Files, path: Path, descriptor: int) -> None:
    """Take the room that the next records need, so that a full disk cannot keep them out. Raises OSError."""
    _require_in_place(files, path, descriptor)
    newest = newest_record(files.content(descriptor, offset=_FIRST))
    length, taken = (0, 0) if newest is None else (newest.end - newest.start, newest.end)
    if os.fstat(descriptor).st_size < _FIRST + room_for(length + _LEAST_GROWTH_BYTES):
        files.allocate(descriptor, room_for(length + _TAKEN_GROWTH_BYTES) - taken, offset=_FIRST + taken)


def _require_in_place(files: Files, path: Path, descriptor: int) -> None:
    """Raises OSError when the sidecar was deleted or replaced: what is written into this one, nobody will find."""
    if not os.path.samestat(os.fstat(descriptor), files.stat(path)):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def _erase_all_but(files: Files, descriptor: int, place: int, size: int) -> None:
    """Leave nothing of older logins: whoever logs out wants no token to stay."""
    files.write(descriptor, bytes(place), offset=_FIRST)
    files.truncate(descriptor, _FIRST + place + size)
    files.sync_data(descriptor)

"""Records in one file that is never replaced: a new one leaves the newest one alone, so a torn write costs nothing.

Each record is a line of its own, with a checksum and a serial number; of the lines that are whole, the one with the
highest number counts, and whatever else the file holds is waste. No I/O here.
"""

import hashlib
import re
from dataclasses import dataclass, field

# The line break at the end may be the first byte of the record behind a torn one, so it is looked at and not consumed.
_LINE = re.compile(rb"\n([0-9a-f]{16}) ([0-9]{1,18}) ([^\n]*)(?=\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A whole record, and where it lies: bytes `start` to `end` (excluded)."""

    serial: int
    start: int
    end: int
    body: bytes = field(repr=False)


def newest_record(data: bytes) -> Record | None:
    """The newest whole record among `data`."""
    found = sorted(_LINE.finditer(data), key=lambda match: int(match[2]), reverse=True)
    for match in found:
        if match[1] == _checksum(match[2], match[3]):
            return Record(serial=int(match[2]), start=match.start(), end=match.end() + 1, body=match[3])
    return None


def encode_record(serial: int, body: bytes) -> bytes:
    """The bytes of a record. `body` holds no line break."""
    number = b"%d" % serial
    return b"\n" + _checksum(number, body) + b" " + number + b" " + body + b"\n"


def place_of_next(newest: Record | None, size: int) -> int:
    """Where a record of `size` bytes may be written: in front of the newest one if it fits there, else behind it."""
    return 0 if newest is None or size <= newest.start else newest.end


def room_for(largest: int) -> int:
    """The size beyond which a file of records of at most `largest` bytes never grows."""
    # Behind a record that begins within the first `largest` bytes, and is as long itself, comes another one.
    return 3 * largest


def _checksum(serial: bytes, body: bytes) -> bytes:
    return hashlib.sha256(serial + b" " + body).hexdigest()[:16].encode("ascii")

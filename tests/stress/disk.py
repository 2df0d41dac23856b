"""A small disk of its own for `.env`, which can be filled up and made read-only."""

import os
import subprocess
from pathlib import Path
from typing import Self

SIZE_BYTES = 256 * 1024


class UnavailableError(Exception):
    """This user or system cannot mount a disk; `str` says why."""


class SmallDisk:
    """A tmpfs at `folder`, for as long as a `with` lasts. Needs root. Raises UnavailableError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES},mode=700", "oca-stress", str(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        self.make_writable()
        self.make_room()
        # Lazy, since a killed worker's last descriptor may still be open.
        _run("umount", "-l", str(self.folder))

    def fill(self) -> None:
        """Leave no room, not for one byte."""
        descriptor = os.open(self._ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            for size in (4096, 1):
                try:
                    while True:
                        os.write(descriptor, b"x" * size)
                except OSError:
                    continue
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Raises UnavailableError while somebody has a file open for writing."""
        _run("mount", "-o", "remount,ro", str(self.folder))

    def make_writable(self) -> None:
        _run("mount", "-o", "remount,rw", str(self.folder))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UnavailableError(f"there is no {command[0]} here") from error
    except subprocess.CalledProcessError as error:
        raise UnavailableError(error.stderr.strip() or f"{' '.join(command)} failed") from error

"""The lock when its file goes away, and after a fork."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from adapters.token_store.files import Files
from adapters.token_store.sidecar import SidecarLock, sidecar_of

AT_ONCE = timedelta(0)


class _Vanishing(Files):
    """The sidecar is gone (or cannot be looked at) when it is looked at for the first time after it was locked."""

    def __init__(self, sidecar: Path, error: OSError) -> None:
        self._sidecar = sidecar
        self._error: OSError | None = error
        self.closed: list[int] = []

    @override
    def stat(self, path: str | Path) -> os.stat_result:
        error, self._error = (self._error, None) if Path(path) == self._sidecar else (None, self._error)
        if error is not None:
            raise error
        return super().stat(path)

    @override
    def close(self, descriptor: int) -> None:
        self.closed.append(descriptor)
        super().close(descriptor)


def test_a_sidecar_that_was_deleted_while_it_was_waited_for_is_made_anew(tmp_path: Path) -> None:
    files = _Vanishing(sidecar_of(tmp_path / ".env"), FileNotFoundError())
    lock = SidecarLock(files)
    hold = lock.acquire(tmp_path / ".env", wait=AT_ONCE)
    assert hold is not None
    assert len(files.closed) == 1, "the deleted one was let go"
    lock.release(hold)


def test_a_sidecar_that_cannot_be_looked_at_is_let_go(tmp_path: Path) -> None:
    files = _Vanishing(sidecar_of(tmp_path / ".env"), PermissionError())
    with pytest.raises(PermissionError):
        SidecarLock(files).acquire(tmp_path / ".env", wait=AT_ONCE)
    assert len(files.closed) == 1
    again = SidecarLock(Files())
    hold = again.acquire(tmp_path / ".env", wait=AT_ONCE)
    assert hold is not None
    again.release(hold)


def test_what_a_forked_child_forgets_it_neither_holds_nor_releases(tmp_path: Path) -> None:
    files = _Vanishing(tmp_path / "nothing", OSError())
    lock = SidecarLock(files)
    hold = lock.acquire(tmp_path / ".env", wait=AT_ONCE)
    assert hold is not None
    lock.forget()
    assert lock.held is None
    closed = list(files.closed)
    lock.release(hold)
    assert files.closed == closed, "leaving the parent's block does nothing"

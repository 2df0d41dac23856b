import os
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.token_store.files import Files
from adapters.token_store.sidecar import SidecarLock


def test_a_copy_of_the_descriptor_does_not_outlive_the_release(path: Path) -> None:
    lock = SidecarLock(Files())
    hold = lock.acquire(path, wait=timedelta(0))
    assert hold is not None
    copy = os.dup(hold.descriptor)
    try:
        lock.release(hold)
        other = SidecarLock(Files())
        held = other.acquire(path, wait=timedelta(0))
        assert held is not None
        other.release(held)
    finally:
        os.close(copy)


def test_a_lock_whose_file_was_deleted_is_released_all_the_same(path: Path) -> None:
    lock = SidecarLock(Files())
    first = lock.acquire(path, wait=timedelta(0))
    assert first is not None
    descriptor = first.descriptor
    path.with_name(".env.lock").unlink()
    second = lock.acquire(path, wait=timedelta(0))
    assert second is not None
    lock.release(first)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert lock.held is second
    lock.release(second)


def test_a_lock_released_twice_is_released_once(path: Path) -> None:
    lock = SidecarLock(Files())
    first = lock.acquire(path, wait=timedelta(0))
    assert first is not None
    lock.release(first)
    second = lock.acquire(path, wait=timedelta(0))
    lock.release(first)
    assert second is not None
    assert SidecarLock(Files()).acquire(path, wait=timedelta(0)) is None
    lock.release(second)

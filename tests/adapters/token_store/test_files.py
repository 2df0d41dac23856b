import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.token_store.files import prove_replaceable, replace_content
from tests.adapters.token_store.faulty_files import FaultyFiles, Killed, failing

OLD = b"A=1\nOAUTH_REFRESH_TOKEN=old\n"
NEW = b"A=1\nOAUTH_REFRESH_TOKEN=a-new-one-that-is-longer\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_bytes(OLD)
    return path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def at_step(number: int, failure: Callable[[], BaseException]) -> Callable[[str], None]:
    """The step of this number fails, counted from zero; the ones after it do not."""
    count = -1

    def before_step(_: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise failure()

    return before_step


def steps_of_a_replacement(folder: Path) -> list[str]:
    path = folder / "rehearsal"
    path.write_bytes(OLD)
    files = FaultyFiles()
    replace_content(files, path, NEW)
    path.unlink()
    return files.steps


def test_a_file_is_written_and_synced_before_it_is_renamed_and_its_folder_synced_after(tmp_path: Path) -> None:
    assert steps_of_a_replacement(tmp_path) == [
        "create", "write", "imitate", "sync", "close", "replace", "remove", "sync_folder",
    ]  # fmt: skip


def test_the_mode_of_a_file_is_kept(target: Path) -> None:
    target.chmod(0o640)
    replace_content(FaultyFiles(), target, NEW)
    assert mode(target) == 0o640


def test_a_new_file_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        replace_content(FaultyFiles(), tmp_path / ".env", NEW)
    finally:
        os.umask(before)
    assert mode(tmp_path / ".env") == 0o600


def test_a_temporary_file_is_private_while_it_is_written(target: Path) -> None:
    modes: list[int] = []

    def look(step: str) -> None:
        if step == "imitate":
            modes.extend(mode(each) for each in target.parent.iterdir() if each != target)

    target.chmod(0o644)
    replace_content(FaultyFiles(look), target, NEW)
    assert modes == [0o600]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_is_kept(target: Path) -> None:
    os.chown(target, 12345, 23456)
    replace_content(FaultyFiles(), target, NEW)
    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 23456)


def test_what_a_killed_writer_left_is_removed_and_nothing_else(target: Path) -> None:
    with pytest.raises(Killed):
        replace_content(FaultyFiles(at_step(1, Killed)), target, NEW)
    (target.parent / ".env.local").touch()
    assert len(names(target.parent)) == 3
    replace_content(FaultyFiles(), target, NEW)
    assert names(target.parent) == [".env", ".env.local"]


@pytest.mark.parametrize("number", range(8))
def test_death_at_any_step_leaves_the_old_text_or_the_new_one(target: Path, number: int) -> None:
    steps = steps_of_a_replacement(target.parent)
    with pytest.raises(Killed):
        replace_content(FaultyFiles(at_step(number, Killed)), target, NEW)
    assert target.read_bytes() == (NEW if number > steps.index("replace") else OLD)
    replace_content(FaultyFiles(), target, NEW)
    assert names(target.parent) == [".env"]


@pytest.mark.parametrize("number", range(8))
def test_a_failure_at_any_step_leaves_the_old_text_or_the_new_one_and_no_stray_file(target: Path, number: int) -> None:
    step = steps_of_a_replacement(target.parent)[number]
    try:
        replace_content(FaultyFiles(at_step(number, lambda: OSError(errno.EIO, "I/O error"))), target, NEW)
    except OSError:
        assert target.read_bytes() == (NEW if step == "sync_folder" else OLD)
    else:
        # Nothing is left to remove after the rename, so nothing is lost when that fails.
        assert step == "remove"
        assert target.read_bytes() == NEW
    assert names(target.parent) == [".env"]


def test_a_full_disk_leaves_the_old_text_and_no_stray_file(target: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        replace_content(FaultyFiles(failing(errno.ENOSPC, "write")), target, NEW)
    assert target.read_bytes() == OLD
    assert names(target.parent) == [".env"]


NO_RENAME = [
    pytest.param(failing(errno.EBUSY, "replace"), id="a file mounted by itself"),
    pytest.param(failing(errno.EXDEV, "replace"), id="a file of another device"),
    pytest.param(failing(errno.EACCES, "create"), id="a folder of somebody else's"),
    pytest.param(failing(errno.EROFS, "create"), id="a read-only folder"),
]


class TestAFolderThatAllowsNoRename:
    @pytest.mark.parametrize("no_rename", NO_RENAME)
    @pytest.mark.parametrize("data", [NEW, b"B=2\n", b""], ids=["longer", "shorter", "empty"])
    def test_the_file_is_overwritten_in_place(
        self, target: Path, no_rename: Callable[[str], None], data: bytes
    ) -> None:
        target.chmod(0o640)
        inode = target.stat().st_ino
        files = FaultyFiles(no_rename)
        replace_content(files, target, data)
        assert target.read_bytes() == data
        assert (target.stat().st_ino, mode(target)) == (inode, 0o640)
        assert files.steps[-3:] == ["truncate", "sync", "close"]
        assert names(target.parent) == [".env"]

    def test_a_full_disk_is_found_out_before_a_byte_is_overwritten(self, target: Path) -> None:
        seen: list[bytes] = []

        class FullDisk(FaultyFiles):
            def write(self, descriptor: int, data: bytes, *, offset: int = 0) -> None:
                super().write(descriptor, data[: len(OLD) - offset], offset=offset)
                seen.append(target.read_bytes())
                if offset + len(data) > len(OLD):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.raises(OSError, match="No space left"):
            replace_content(FullDisk(failing(errno.EROFS, "create")), target, NEW)
        assert set(seen) == {OLD}

    def test_a_new_file_cannot_be_made_there(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="Permission denied"):
            replace_content(FaultyFiles(failing(errno.EACCES, "create")), tmp_path / ".env", NEW)

    @pytest.mark.parametrize("data", [NEW, b"B=2\n"], ids=["longer", "shorter"])
    @pytest.mark.parametrize("number", range(5))
    def test_a_failure_at_any_step_leaves_the_old_text(self, target: Path, number: int, data: bytes) -> None:
        at = at_step(number, lambda: OSError(errno.EIO, "I/O error"))

        def before_step(name: str) -> None:
            if name == "create":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if name in {"open", "write", "truncate", "sync"}:
                at(name)

        try:
            replace_content(FaultyFiles(before_step), target, data)
        except OSError:
            assert target.read_bytes() == OLD
        else:
            assert number == 4
            assert target.read_bytes() == data

    @pytest.mark.parametrize("data", [NEW, b"B=2\n"], ids=["longer", "shorter"])
    @pytest.mark.parametrize("step", ["open", "truncate", "sync", "close"])
    def test_death_between_its_steps_leaves_whole_lines(self, target: Path, step: str, data: bytes) -> None:
        def before_step(name: str) -> None:
            if name == "create":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if name == step:
                raise Killed

        with pytest.raises(Killed):
            replace_content(FaultyFiles(before_step), target, data)
        left = target.read_bytes()
        assert left.rstrip(b"\n") in {OLD.rstrip(b"\n"), data.rstrip(b"\n")}


class TestProof:
    def test_it_leaves_nothing_behind(self, target: Path) -> None:
        prove_replaceable(FaultyFiles(), target, 100_000)
        assert target.read_bytes() == OLD
        assert names(target.parent) == [".env"]

    def test_it_fails_on_a_full_disk(self, target: Path) -> None:
        with pytest.raises(OSError, match="No space left"):
            prove_replaceable(FaultyFiles(failing(errno.ENOSPC, "allocate")), target, 100_000)

    def test_it_is_content_with_a_file_that_can_be_overwritten(self, target: Path) -> None:
        files = FaultyFiles(failing(errno.EACCES, "create"))
        prove_replaceable(files, target, 100_000)
        assert files.steps == ["create", "remove", "open", "close"]

    def test_it_fails_where_neither_the_folder_nor_the_file_can_be_written(self, target: Path) -> None:
        with pytest.raises(OSError, match="Permission denied"):
            prove_replaceable(FaultyFiles(failing(errno.EACCES, "create", "open")), target, 100_000)

    def test_it_fails_for_a_file_that_is_marked_as_immutable(self, target: Path) -> None:
        with pytest.raises(PermissionError):
            prove_replaceable(FaultyFiles(failing(errno.EPERM, "open")), target, 100_000)

    def test_a_file_that_only_a_rename_may_change_will_do(self, target: Path) -> None:
        prove_replaceable(FaultyFiles(failing(errno.EACCES, "open")), target, 100_000)

    def test_it_fails_where_there_is_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="No such file"):
            prove_replaceable(FaultyFiles(), tmp_path / "absent" / ".env", 100_000)


def test_what_is_no_plain_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(OSError, match="regular"):
        replace_content(FaultyFiles(), tmp_path / ".env", NEW)
    assert names(tmp_path) == [".env"]

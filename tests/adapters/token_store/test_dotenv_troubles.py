import errno
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.token_store import dotenv as module
from adapters.token_store.dotenv import DotenvTokenStore
from adapters.token_store.files import Files
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, refuse
from tests.adapters.token_store.faulty_files import DISK_FULL, UNWRITABLE, FaultyFiles, at_ease, failing
from tests.adapters.token_store.scene import TEXT, names, store_at
from tests.contracts.token_store import ISSUED_AT, login


class TestWhatCannotBeStored:
    @pytest.mark.parametrize(
        ("fault", "told", "where"),
        [
            (DISK_FULL, r"/\.env: No space left on device\. Make room on the disk\.", "this process's memory"),
            (UNWRITABLE, r"/\.env: Read-only file system\. Give this process", "safe in "),
            (failing(errno.EIO, "sync"), r"/\.env: Input/output error\.", ".env.lock, where"),
        ],
    )
    def test_it_is_told_with_file_cause_and_cure(
        self, path: Path, fault: Callable[[str], None], told: str, where: str
    ) -> None:
        files = FaultyFiles(fault)
        store = store_at(path, files=files)
        with store.exclusive(), pytest.raises(TokenStoreError, match=told) as caught:
            store.save(login(1))
        assert where in str(caught.value)
        assert store.trouble() == caught.value.text
        assert "refresh-1" not in str(caught.value)
        assert path.read_text() == TEXT
        assert store.load() == login(1)

    def test_it_is_told_where_there_is_no_folder(self, tmp_path: Path) -> None:
        store = store_at(tmp_path / "absent" / ".env")
        with pytest.raises(TokenStoreError, match="Create the folder"), store.exclusive():
            pass
        with pytest.raises(TokenStoreError, match="Create the folder"):
            store.prove_storable()

    def test_it_is_written_again_when_only_its_durability_is_in_doubt(self, path: Path) -> None:
        files = FaultyFiles(failing(errno.EIO, "sync_folder"))
        store = store_at(path, files=files)
        with store.exclusive():
            store.load()
            with pytest.raises(TokenStoreError):
                store.save(login(1))
        files.before_step = at_ease
        files.steps.clear()
        assert store.load() == login(1)
        assert "sync_folder" in files.steps

    def test_it_is_current_until_the_next_attempt_is_due(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = store_at(path, files=FaultyFiles(DISK_FULL))
        store.load()
        with pytest.raises(TokenStoreError):
            store.save(login(1))
        assert store.load() == login(1)
        assert store.current() == login(1)
        monkeypatch.setattr(module, "_RETRY_AFTER", timedelta(0))
        store.load()
        assert store.current() is None

    def test_it_survives_a_file_that_can_no_longer_be_read(self, path: Path) -> None:
        store = store_at(path, files=FaultyFiles(DISK_FULL))
        store.load()
        with pytest.raises(TokenStoreError):
            store.save(login(1))
        path.unlink()
        path.mkdir()
        assert store.load() == login(1)

    def test_it_survives_a_file_that_is_being_written(self, path: Path) -> None:
        files = FaultyFiles(DISK_FULL)
        store = store_at(path, files=files)
        store.load()
        with pytest.raises(TokenStoreError):
            store.save(login(1))
        path.write_text("")
        assert store.load() == login(1)

    def test_a_lock_file_that_cannot_be_written_is_found_out_before(self, path: Path) -> None:
        store_at(path).save(login(1))
        store = store_at(path, files=FaultyFiles(failing(errno.EACCES, "open_or_create", "open_to_read")))
        with pytest.raises(TokenStoreError, match=r"\.env\.lock: Permission denied"):
            store.prove_storable()

    def test_a_text_that_cannot_be_edited_is_told_by_its_line(self, path: Path) -> None:
        path.write_text("A='\nB=\"\n")
        store = store_at(path)
        with pytest.raises(TokenStoreError, match="line 1 cannot be parsed"):
            store.save(TokenSet(refresh_token="'\" #"))
        assert path.read_text() == "A='\nB=\"\n"


class TestAFolderInWhichNothingCanBeMade:
    @pytest.fixture
    def files(self) -> FaultyFiles:
        return FaultyFiles(failing(errno.EROFS, "create", "open_or_create"))

    def test_the_file_itself_is_locked_and_overwritten(self, path: Path, files: FaultyFiles) -> None:
        store = store_at(path, files=files)
        other = DotenvTokenStore(path=path, lock_timeout=timedelta(milliseconds=20), files=files)
        with store.exclusive():
            store.prove_storable()
            store.save(login(1))
            with pytest.raises(TokenStoreError), other.exclusive():
                pass
        with other.exclusive():
            assert other.load().access_token == "access-1"
        assert names(path.parent) == [".env"]

    def test_a_setback_lives_in_memory(self, path: Path, files: FaultyFiles) -> None:
        store = store_at(path, files=files)
        with store.exclusive():
            store.save(refuse(store.load(), "first", reason="invalid_grant", now=ISSUED_AT))
        with store.exclusive():
            assert store.load().setback is not None

    def test_a_new_file_is_refused(self, tmp_path: Path, files: FaultyFiles) -> None:
        with pytest.raises(TokenStoreError, match="permission"), store_at(tmp_path / ".env", files=files).exclusive():
            pass

    def test_a_lock_file_of_somebody_else_is_not_passed_over(self, path: Path, files: FaultyFiles) -> None:
        (path.parent / ".env.lock").touch()
        files.before_step = failing(errno.EACCES, "open_or_create", "open_to_read")
        with pytest.raises(TokenStoreError, match=r"\.env\.lock"), store_at(path, files=files).exclusive():
            pass

    def test_a_lock_file_that_can_only_be_read_excludes_and_keeps_nothing(self, path: Path, files: FaultyFiles) -> None:
        store_at(path).save(login(1))
        sidecar = path.with_name(".env.lock")
        before = sidecar.read_bytes()
        store, impatient = store_at(path, files=files), DotenvTokenStore(path=path, lock_timeout=timedelta(0))
        with store.exclusive():
            store.save(login(2))
            with pytest.raises(TokenStoreError), impatient.exclusive():
                pass
        assert sidecar.read_bytes() == before
        assert store.load() == login(2)
        assert impatient.load().refresh_token == "refresh-2"


def test_a_deleted_lock_file_is_not_the_lock_of_those_who_waited_for_it(path: Path) -> None:
    opened, failures = threading.Event(), list[TokenStoreError]()

    class TellingFiles(Files):
        def open_or_create(self, path: Path) -> int:
            descriptor = super().open_or_create(path)
            opened.set()
            return descriptor

    def wait() -> None:
        late = DotenvTokenStore(path=path, lock_timeout=timedelta(milliseconds=300), files=TellingFiles())
        try:
            with late.exclusive():
                pass
        except TokenStoreError as error:
            failures.append(error)

    waiter = threading.Thread(target=wait)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(store_at(path).exclusive())
        waiter.start()
        assert opened.wait(5)
        path.with_name(".env.lock").unlink()
        second.enter_context(store_at(path).exclusive())
        first.close()
        waiter.join()
    assert len(failures) == 1

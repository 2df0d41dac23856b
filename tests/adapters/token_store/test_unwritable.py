"""A `.env` that cannot be written, beside a journal that can."""

import errno
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.token_store import dotenv as module
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, set_back
from tests.adapters.token_store.faulty_files import DISK_FULL, UNWRITABLE, FaultyFiles, at_ease, failing
from tests.adapters.token_store.scene import TEXT, names, rotate, store_at
from tests.contracts.token_store import ISSUED_AT, login

EBUSY_BOTH_WAYS = failing(errno.EBUSY, "replace", "open")
OF_SOMEBODY_ELSE = failing(errno.EACCES, "create", "open")
OVER_QUOTA = failing(errno.EDQUOT, "create", "open")


def in_file(path: Path) -> str | None:
    return dotenv_values(path).get("OAUTH_REFRESH_TOKEN") or None


class TestAFileThatCannotBeWritten:
    @pytest.fixture(
        params=[UNWRITABLE, EBUSY_BOTH_WAYS, OF_SOMEBODY_ELSE, OVER_QUOTA],
        ids=["read-only", "busy", "of somebody else", "over quota"],
    )
    def fault(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        fault: Callable[[str], None] = request.param
        return fault

    def test_leaves_the_login_in_the_journal_for_every_process(self, path: Path, fault: Callable[[str], None]) -> None:
        files = FaultyFiles(fault)
        for number in range(1, 4):
            store = store_at(path, files=files)
            with pytest.raises(TokenStoreError, match=r"/\.env: .*safe in .*/\.env\.lock"):
                rotate(store, login(number))
            assert store.load() == login(number)
            assert store.current() == login(number)
            assert store_at(path, files=files).load() == login(number)
        assert path.read_text() == TEXT

    def test_that_is_to_forget_its_login_is_told_as_holding_it_still(
        self, path: Path, fault: Callable[[str], None]
    ) -> None:
        with pytest.raises(TokenStoreError, match=r"/\.env: .*The login still stands there\.$"):
            store_at(path, files=FaultyFiles(fault)).save(TokenSet())
        assert path.read_text() == TEXT

    def test_is_told_by_every_process_until_it_is_written_by_any(
        self, path: Path, fault: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_RETRY_AFTER", timedelta(0))
        files = FaultyFiles(fault)
        store, other = store_at(path, files=files), store_at(path, files=files)
        with pytest.raises(TokenStoreError):
            rotate(store, login(1))
        assert other.load() == login(1)
        for each in (store, other):
            assert "/.env: " in str(each.trouble())
            assert "safe in" in str(each.trouble())
        files.before_step = at_ease
        assert store.current() is None
        assert store.load() == login(1)
        assert in_file(path) == "refresh-1"
        assert other.load() == login(1)
        assert store.trouble() is None
        assert other.trouble() is None
        assert names(path.parent) == [".env", ".env.lock"]

    def test_is_written_by_the_next_holder_at_once(self, path: Path, fault: Callable[[str], None]) -> None:
        files = FaultyFiles(fault)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError):
            rotate(store, login(1))
        files.before_step = at_ease
        with store.exclusive():
            assert store.load() == login(1)
            assert in_file(path) == "refresh-1"

    def test_is_not_tried_again_with_every_load(self, path: Path, fault: Callable[[str], None]) -> None:
        files = FaultyFiles(fault)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError):
            rotate(store, login(1))
        store.load()
        before = len(files.steps)
        for _ in range(10):
            assert store.load() == login(1)
        assert len(files.steps) == before

    def test_does_not_keep_a_setback_from_being_noted(self, path: Path, fault: Callable[[str], None]) -> None:
        files = FaultyFiles(fault)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError):
            rotate(store, login(1))
        with store.exclusive():
            waiting = set_back(store.load(), "refresh-1", reason="503", now=ISSUED_AT, wait=timedelta(seconds=9))
            store.save(waiting)
        assert store_at(path, files=files).load() == waiting

    def test_gives_way_to_a_login_of_a_person(self, path: Path, fault: Callable[[str], None]) -> None:
        files = FaultyFiles(fault)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError):
            rotate(store, login(1))
        path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
        assert store.load() == store_at(path).load() == TokenSet(refresh_token="pasted")
        assert store.trouble() is None

    def test_is_storable_while_the_journal_has_room(self, path: Path, fault: Callable[[str], None]) -> None:
        store = store_at(path, files=FaultyFiles(fault))
        store.prove_storable()
        with store.exclusive():
            store.prove_storable()

    def test_and_a_server_that_does_not_rotate_leave_the_new_access_token_in_the_journal(
        self, path: Path, fault: Callable[[str], None]
    ) -> None:
        files = FaultyFiles(fault)
        renewed = replace(login(1), refresh_token="first")
        with pytest.raises(TokenStoreError):
            rotate(store_at(path, files=files), renewed)
        assert store_at(path, files=files).load() == renewed
        assert store_at(path).load() == renewed
        assert dotenv_values(path)["OAUTH_ACCESS_TOKEN"] == "access-1"


def test_a_file_that_cannot_be_read_any_more_does_not_hide_a_login_it_never_got(path: Path) -> None:
    store = store_at(path)
    with store.exclusive():
        store.load()
        path.unlink()
        path.mkdir()
        with pytest.raises(TokenStoreError, match=r"Not a regular file.*safe in"):
            store.save(login(1))
    assert store_at(path).load() == login(1)
    path.rmdir()
    assert store_at(path).load() == login(1)
    assert in_file(path) == "refresh-1"


def test_room_that_was_taken_before_lets_a_full_disk_cost_nothing(path: Path) -> None:
    files = FaultyFiles()
    store = store_at(path, files=files)
    rotate(store, login(1))
    # The room is taken: what is written in it still can be.
    files.before_step = failing(errno.ENOSPC, "allocate", "create")
    with pytest.raises(TokenStoreError, match="Make room on the disk"):
        rotate(store, login(2))
    assert store_at(path, files=files).load() == login(2)


def test_without_room_for_either_nothing_is_spent(path: Path) -> None:
    files = FaultyFiles(DISK_FULL)
    store = store_at(path, files=files)
    with pytest.raises(TokenStoreError, match="Make room on the disk"):
        rotate(store, login(1))
    files.before_step = at_ease
    assert store_at(path).load() == TokenSet(refresh_token="first")

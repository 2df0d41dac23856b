"""Which login counts when `.env` and the journal disagree."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from domain.errors import TokenStoreError
from domain.tokens import TokenSet, begin_attempt, refuse
from tests.adapters.token_store.faulty_files import DISK_FULL, FaultyFiles, at_ease
from tests.adapters.token_store.scene import TEXT, rotate, store_at
from tests.contracts.token_store import ISSUED_AT, login


def in_file(path: Path) -> str | None:
    return dotenv_values(path).get("OAUTH_REFRESH_TOKEN") or None


class TestAnOldCopyOfTheFile:
    def test_gives_way_to_the_newest_login_and_is_mended(self, path: Path) -> None:
        store = store_at(path)
        copies = [path.read_text()]
        for number in range(1, 4):
            rotate(store, login(number))
            copies.append(path.read_text())
        for copy in copies:
            path.write_text(copy)
            current = store.current()
            assert current is None or current == login(3)
            assert store.load() == login(3)
            assert in_file(path) == "refresh-3"
            path.write_text(copy)
            assert store_at(path).load() == login(3)
            assert in_file(path) == "refresh-3"

    def test_keeps_what_else_was_edited_in_it(self, path: Path) -> None:
        rotate(store_at(path), login(1))
        path.write_text(TEXT.replace("'a b'", "'mine'"))
        assert store_at(path).load() == login(1)
        assert path.read_text().startswith(TEXT.replace("first", "refresh-1").replace("'a b'", "'mine'"))

    def test_gives_way_at_once_for_readers_while_the_lock_is_held(self, path: Path) -> None:
        store, holder = store_at(path), store_at(path)
        rotate(store, login(1))
        with holder.exclusive():
            path.write_text(TEXT)
            assert store.load() == login(1)
            assert store.current() == login(1)
            assert path.read_text() == TEXT
            assert holder.load() == login(1)
            assert in_file(path) == "refresh-1"

    def test_is_not_taken_for_a_new_login_in_the_middle_of_a_refresh(self, path: Path) -> None:
        store = store_at(path)
        rotate(store, login(1))
        with store.exclusive():
            store.load()
            path.write_text(TEXT)
            store.save(login(2))
        assert store_at(path).load() == login(2)

    def test_older_than_fifty_rotations_is_a_new_login(self, path: Path) -> None:
        store = store_at(path)
        for number in range(1, 53):
            rotate(store, login(number))
        size = path.with_name(".env.lock").stat().st_size
        path.write_text("OAUTH_REFRESH_TOKEN=refresh-2\n")
        assert store.load() == login(52)
        path.write_text(TEXT)
        assert store.load().refresh_token == "first"
        assert size < 100_000

    def test_of_a_login_that_was_refused_does_not_undo_a_new_one(self, path: Path) -> None:
        store = store_at(path)
        with store.exclusive():
            store.save(refuse(store.load(), "first", reason="invalid_grant", now=ISSUED_AT))
        store.save(login(1))
        path.write_text(TEXT)
        assert store_at(path).load() == login(1)


class TestALoginOfAPerson:
    def test_counts_and_is_continued(self, path: Path) -> None:
        store = store_at(path)
        rotate(store, login(1))
        old = path.read_text()
        path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
        assert store.load() == TokenSet(refresh_token="pasted")
        rotate(store, login(2))
        for copy in ("OAUTH_REFRESH_TOKEN=pasted\n", TEXT):
            path.write_text(copy)
            assert store.load() == store_at(path).load() == login(2)
        # The one before was never sent, so it may be wanted back.
        path.write_text(old)
        assert store.load().refresh_token == "refresh-1"

    def test_put_over_by_a_save_can_be_pasted_back(self, path: Path) -> None:
        store = store_at(path)
        store.save(login(1))
        path.write_text(TEXT)
        assert store.load().refresh_token == "first"

    def test_ended_by_hand_stays_ended_until_one_is_there_again(self, path: Path) -> None:
        store = store_at(path)
        rotate(store, login(1))
        written = path.read_text()
        path.write_text(written.replace("refresh-1", "").replace("access-1", ""))
        for each in (store, store_at(path)):
            assert each.load().refresh_token is None
            assert each.load().access_token is None
        path.write_text(written)
        assert store.load() == login(1)
        path.write_text("")
        assert store.load() == TokenSet()
        path.write_text(TEXT)
        assert store.load() == login(1)

    def test_ended_by_a_save_is_ended_for_good_and_leaves_no_token_behind(self, path: Path) -> None:
        store = store_at(path)
        rotate(store, login(1))
        rotate(store, login(2))
        with store.exclusive():
            store.load()
            store.save(TokenSet())
        assert store_at(path).load() == TokenSet()
        assert b"refresh-" not in path.with_name(".env.lock").read_bytes() + path.read_bytes()
        path.write_text(TEXT)
        assert store.load() == TokenSet()
        path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
        assert store.load().refresh_token == "pasted"


def test_what_two_processes_know_as_spent_is_known_to_both_once_it_can_be_written(path: Path) -> None:
    files = FaultyFiles()
    store, other = store_at(path, files=files), store_at(path)
    with store.exclusive():
        tokens = store.load()
        store.save(begin_attempt(tokens, "first", now=ISSUED_AT))
        files.before_step = DISK_FULL
        with pytest.raises(TokenStoreError, match="memory"):
            store.save(login(1))
    path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
    rotate(other, login(2))
    files.before_step = at_ease
    assert store.load() == login(2)
    for copy in (TEXT, "OAUTH_REFRESH_TOKEN=pasted\n"):
        path.write_text(copy)
        assert store_at(path).load() == login(2)

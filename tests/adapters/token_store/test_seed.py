"""A refresh token that comes from elsewhere, where the file has none."""

from pathlib import Path

import pytest

from domain.errors import TokenStoreError
from domain.tokens import TokenSet
from tests.adapters.token_store.faulty_files import DISK_FULL, UNWRITABLE, FaultyFiles, at_ease
from tests.adapters.token_store.scene import TEXT, mode, rotate, store_at
from tests.contracts.token_store import login


class TestASeed:
    def test_it_is_stored_in_a_new_private_file_where_there_is_no_login(self, tmp_path: Path) -> None:
        store = store_at(tmp_path / ".env", seed_refresh_token="seed")
        assert store.current() is None
        assert store.load() == TokenSet(refresh_token="seed")
        assert (tmp_path / ".env").read_text() == "OAUTH_REFRESH_TOKEN=seed\n"
        assert mode(tmp_path / ".env") == 0o600

    def test_it_goes_into_the_empty_value(self, path: Path) -> None:
        path.write_text("OAUTH_REFRESH_TOKEN=  # yours\nOAUTH_ACCESS_TOKEN=kept\n")
        tokens = store_at(path, seed_refresh_token="seed").load()
        assert tokens == TokenSet(refresh_token="seed", access_token="kept")
        assert path.read_text() == "OAUTH_REFRESH_TOKEN=seed  # yours\nOAUTH_ACCESS_TOKEN=kept\n"

    def test_a_stored_login_goes_before_it(self, path: Path) -> None:
        assert store_at(path, seed_refresh_token="seed").load().refresh_token == "first"
        assert path.read_text() == TEXT

    def test_it_is_taken_once(self, path: Path) -> None:
        store = store_at(path, seed_refresh_token="seed")
        store.load()
        path.write_text("")
        assert store.load() == TokenSet()

    def test_it_serves_from_memory_where_it_cannot_be_stored(self, tmp_path: Path) -> None:
        files = FaultyFiles(DISK_FULL)
        store = store_at(tmp_path / ".env", seed_refresh_token="seed", files=files)
        assert store.load() == TokenSet(refresh_token="seed")
        assert not (tmp_path / ".env").exists()
        files.before_step = at_ease
        with store.exclusive():
            assert store.load() == TokenSet(refresh_token="seed")
        assert (tmp_path / ".env").exists()

    def test_it_does_not_wait_for_the_lock(self, tmp_path: Path) -> None:
        store = store_at(tmp_path / ".env", seed_refresh_token="seed")
        with store_at(tmp_path / ".env").exclusive():
            assert store.load() == TokenSet(refresh_token="seed")
        assert store.load() == TokenSet(refresh_token="seed")
        assert (tmp_path / ".env").read_text() == "OAUTH_REFRESH_TOKEN=seed\n"

    def test_a_login_stored_by_another_goes_before_it(self, tmp_path: Path) -> None:
        store, other = store_at(tmp_path / ".env", seed_refresh_token="seed"), store_at(tmp_path / ".env")
        with other.exclusive():
            assert store.load() == TokenSet(refresh_token="seed")
            other.save(login(1))
            assert store.load() == login(1)
        assert store.load() == login(1)
        assert other.load() == login(1)


class TestASeedThatWasSpent:
    def test_is_not_taken_again_where_the_file_cannot_be_written(self, tmp_path: Path) -> None:
        path, files = tmp_path / ".env", FaultyFiles(UNWRITABLE)
        with pytest.raises(TokenStoreError):
            rotate(store_at(path, seed_refresh_token="seed", files=files), login(1))
        restarted = store_at(path, seed_refresh_token="seed", files=files)
        assert restarted.load() == login(1)
        assert not path.exists()

    def test_is_not_taken_again_after_a_logout_by_hand(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        rotate(store_at(path, seed_refresh_token="seed"), login(1))
        path.write_text("")
        assert store_at(path, seed_refresh_token="seed").load() == TokenSet()
        assert store_at(path, seed_refresh_token="another").load().refresh_token == "another"

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values, set_key

from adapters.token_store.dotenv import DotenvTokenStore
from domain.tokens import TokenSet
from ports.token_store import TokenStore
from tests.adapters.token_store.faulty_files import DISK_FULL, FaultyFiles, at_ease
from tests.contracts.token_store import StoreBench, TokenStoreContract
from tests.fakes.token_store import FakeTokenStore

IMPATIENCE = timedelta(milliseconds=20)


class FakeBench:
    def __init__(self) -> None:
        self._store = FakeTokenStore()

    @property
    def store(self) -> TokenStore:
        return self._store

    @property
    def impatient(self) -> TokenStore:
        self._store.lock_timeout = IMPATIENCE
        return self._store

    def stored_refresh_token(self) -> str | None:
        return self._store.stored.refresh_token

    def edit_by_hand(self, refresh_token: str) -> None:
        self._store.stored = replace(self._store.stored, refresh_token=refresh_token)

    def break_storage(self) -> None:
        self._store.storable = False

    def mend_storage(self) -> None:
        self._store.storable = True


class DotenvBench:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = FaultyFiles()
        self._store = DotenvTokenStore(path=path, files=self._files)

    @property
    def store(self) -> TokenStore:
        return self._store

    @property
    def impatient(self) -> TokenStore:
        return DotenvTokenStore(path=self._path, lock_timeout=IMPATIENCE)

    def stored_refresh_token(self) -> str | None:
        return dotenv_values(self._path).get("OAUTH_REFRESH_TOKEN") or None

    def edit_by_hand(self, refresh_token: str) -> None:
        set_key(self._path, "OAUTH_REFRESH_TOKEN", refresh_token)

    def break_storage(self) -> None:
        self._files.before_step = DISK_FULL

    def mend_storage(self) -> None:
        self._files.before_step = at_ease


class TestFakeTokenStore(TokenStoreContract):
    @pytest.fixture
    def bench(self) -> StoreBench:
        return FakeBench()

    def test_it_tells_what_it_was_given(self) -> None:
        store = FakeTokenStore()
        store.save(TokenSet(refresh_token="one"))
        assert store.saved == [TokenSet(refresh_token="one")]


class TestDotenvTokenStore(TokenStoreContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> StoreBench:
        return DotenvBench(tmp_path / ".env")

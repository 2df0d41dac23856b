from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from adapters.token_store.keyring import SERVICE, KeyringTokenStore
from adapters.token_store.sealed import FernetSeal, OpenSeal, Seal
from ports.token_store import TokenStore
from tests.contracts.token_store import StoreBench, TokenStoreContract
from tests.fakes.keyring_backend import FakeKeyring


class KeyringBench:
    def __init__(self, folder: Path, backend: FakeKeyring, seal: Seal, piece_chars: int | None) -> None:
        self._folder, self._backend, self._seal, self._piece_chars = folder, backend, seal, piece_chars
        self._now_s = 0.0
        self._store = self._new(timedelta(seconds=30))

    @property
    def store(self) -> TokenStore:
        return self._store

    @property
    def impatient(self) -> TokenStore:
        self._now_s += 2
        return self._new(timedelta(milliseconds=20))

    def stored_refresh_token(self) -> str | None:
        return self._new(timedelta(0)).load().refresh_token

    def edit_by_hand(self, refresh_token: str) -> None:
        self._now_s += 2
        self._backend.entries[SERVICE, "default"] = refresh_token

    def break_storage(self) -> None:
        self._backend.writable = False

    def mend_storage(self) -> None:
        self._backend.writable = True

    def _new(self, lock_timeout: timedelta) -> KeyringTokenStore:
        return KeyringTokenStore(
            folder=self._folder,
            backend=self._backend,
            seal=self._seal,
            lock_timeout=lock_timeout,
            piece_chars=self._piece_chars,
            now_s=lambda: self._now_s,
        )


class TestKeyringTokenStore(TokenStoreContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> StoreBench:
        return KeyringBench(tmp_path, FakeKeyring(), OpenSeal(), None)


class TestSealedKeyringTokenStoreInPieces(TokenStoreContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> StoreBench:
        seal = FernetSeal(Fernet.generate_key().decode())
        return KeyringBench(tmp_path, FakeKeyring(longest=200), seal, 200)

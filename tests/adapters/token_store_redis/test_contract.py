from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from adapters.token_store.sealed import FernetSeal, OpenSeal, Seal
from domain.tokens import TokenSet
from ports.token_store import TokenStore
from tests.adapters.token_store_redis.scene import Scene
from tests.contracts.token_store import StoreBench, TokenStoreContract
from tests.fakes.redis_server import PASSWORD


class RedisBench:
    def __init__(self, scene: Scene, seal: Seal) -> None:
        self._scene = scene
        self._seal = seal
        scene.user = f"user-of-{scene.name}"
        self.mend_storage()
        self._store = scene.store(seal=seal)

    @property
    def store(self) -> TokenStore:
        return self._store

    @property
    def impatient(self) -> TokenStore:
        self._scene.let_time_pass()
        return self._scene.store(lock_timeout=timedelta(milliseconds=20), seal=self._seal)

    def stored_refresh_token(self) -> str | None:
        return self._seal.unseal(self._scene.field("refresh_token") or "") or None

    def edit_by_hand(self, refresh_token: str) -> None:
        self._scene.let_time_pass()
        self._scene.put(refresh_token)

    def break_storage(self) -> None:
        """Reading and locking work, and writing does not."""
        scene = self._scene
        self._permit(f"%R~{scene.login_key}", f"~{scene.lease_key}", f"~{scene.fence_key}")

    def mend_storage(self) -> None:
        self._permit(f"~oca:{{{self._scene.name}}}:*")

    def _permit(self, *keys: str) -> None:
        user = self._scene.user
        assert user is not None
        self._scene.server.command("ACL", "SETUSER", user, "reset", "on", f">{PASSWORD}", "+@all", *keys)


class TestRedisTokenStore(TokenStoreContract):
    @pytest.fixture
    def bench(self, scene: Scene) -> StoreBench:
        return RedisBench(scene, OpenSeal())

    def test_what_is_current_grows_old(self, bench: StoreBench, scene: Scene) -> None:
        bench.store.load()
        assert bench.store.current() == TokenSet()
        scene.let_time_pass()
        assert bench.store.current() is None


class TestSealedRedisTokenStore(TokenStoreContract):
    @pytest.fixture
    def bench(self, scene: Scene) -> StoreBench:
        return RedisBench(scene, FernetSeal(Fernet.generate_key().decode()))

"""Redis goes away, comes back, loses what it had, or takes nothing more."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from adapters.token_store.redis import RedisTokenStore
from adapters.token_store.vault import VaultAwayError
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, begin_attempt
from tests.adapters.token_store_redis.lossy_relay import LossyRelay
from tests.adapters.token_store_redis.scene import Scene

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def tokens(name: str) -> TokenSet:
    return TokenSet(refresh_token=f"refresh-{name}", access_token=f"access-{name}", expires_at=NOW)


def buy_while_redis_dies(scene: Scene, store: RedisTokenStore) -> None:
    """The refresh token has been sent, Redis dies, and the answer arrives."""
    with store.exclusive():
        store.load()
        store.prove_storable()
        scene.server.kill()
        with pytest.raises(VaultAwayError, match="lives on in this process's memory"):
            store.save(tokens("bought"))


def test_known_tokens_go_on_being_used_while_redis_is_away(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.server.kill()
    for _ in range(3):
        own_scene.let_time_pass()
        assert store.current() is None
        assert store.load() == tokens("1")
        # Nobody asks again for a while.
        assert store.current() == tokens("1")
        assert "Valid tokens go on being used" in str(store.trouble())
    own_scene.server.start()
    own_scene.let_time_pass()
    assert store.load() == tokens("1")
    assert store.trouble() is None


def test_nothing_is_refreshed_while_redis_is_away(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.server.kill()
    for _ in range(2):
        with pytest.raises(VaultAwayError), store.exclusive():
            pass
        with pytest.raises(VaultAwayError):
            store.prove_storable()
        own_scene.let_time_pass()


def test_a_store_that_has_never_seen_redis_says_so(own_scene: Scene) -> None:
    own_scene.server.kill()
    store = own_scene.store(seed="seed")
    with pytest.raises(VaultAwayError, match=str(own_scene.server.port)):
        store.load()
    assert store.current() is None
    own_scene.server.start()
    assert store.load().refresh_token == "seed"
    assert own_scene.field("refresh_token") == "seed"


def test_a_holder_is_told_nothing_from_memory(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    with store.exclusive():
        own_scene.server.kill()
        with pytest.raises(VaultAwayError):
            store.load()


def test_no_refresh_token_is_sent_that_redis_does_not_know_of(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    with store.exclusive():
        begun = begin_attempt(store.load(), "refresh-1", now=NOW)
        own_scene.server.kill()
        with pytest.raises(VaultAwayError):
            store.save(begun)


def test_a_login_bought_while_redis_dies_is_stored_once_it_is_back(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("0"))
    buy_while_redis_dies(own_scene, store)
    own_scene.let_time_pass()
    assert store.load() == tokens("bought")
    assert "do not end it" in str(store.trouble())
    own_scene.server.start()
    own_scene.end_lease()
    own_scene.let_time_pass()
    assert store.current() is None
    assert store.load() == tokens("bought")
    assert store.trouble() is None
    assert own_scene.field("refresh_token") == "refresh-bought"
    assert own_scene.store().load() == tokens("bought")


def test_a_login_bought_while_redis_dies_is_stored_if_redis_has_lost_everything(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("0"))
    buy_while_redis_dies(own_scene, store)
    own_scene.server.start()
    own_scene.server.command("FLUSHALL")
    own_scene.let_time_pass()
    assert store.load() == tokens("bought")
    assert own_scene.field("refresh_token") == "refresh-bought"


def test_a_login_bought_while_redis_dies_yields_to_a_newer_one(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("0"))
    buy_while_redis_dies(own_scene, store)
    own_scene.server.start()
    own_scene.end_lease()
    own_scene.store().save(tokens("newer"))
    own_scene.let_time_pass()
    assert store.load() == tokens("newer")
    assert own_scene.field("refresh_token") == "refresh-newer"
    assert store.trouble() is None


def test_a_login_bought_while_redis_dies_yields_to_a_logout(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("0"))
    buy_while_redis_dies(own_scene, store)
    own_scene.server.start()
    own_scene.end_lease()
    own_scene.store().save(TokenSet())
    own_scene.let_time_pass()
    assert store.load() == TokenSet()
    assert own_scene.field("refresh_token") is None


def test_a_restart_between_two_uses_is_not_noticed(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.server.kill()
    own_scene.server.start()
    with store.exclusive():
        assert store.load() == tokens("1")
        store.save(tokens("2"))
    assert own_scene.field("refresh_token") == "refresh-2"


def test_a_lost_answer_costs_nothing(scene: Scene) -> None:
    with LossyRelay(scene.server.port) as relay:
        store = RedisTokenStore(url=scene.relayed_url(relay.port), name=scene.name, lock_timeout=timedelta(0))
        store.save(tokens("0"))
        relay.lose_next_answer()
        with store.exclusive():
            relay.lose_next_answer()
            assert store.load() == tokens("0")
            relay.lose_next_answer()
            store.save(tokens("1"))
            relay.lose_next_answer()
            store.prove_storable()
        assert relay.lost == 4
        assert scene.store().load() == tokens("1")
        assert store.trouble() is None
        store.close()


def test_a_server_that_hangs_is_not_waited_for_twice(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.server.pause()
    assert store.load() == tokens("1")
    found_out_at_s = time.monotonic()
    for _ in range(20):
        assert store.current() == tokens("1")
        assert store.load() == tokens("1")
        with pytest.raises(VaultAwayError), store.exclusive():
            pass
    # Each wait for an answer would take two seconds.
    assert time.monotonic() - found_out_at_s < 1.5
    own_scene.server.go_on()
    own_scene.let_time_pass()
    with store.exclusive():
        assert store.load() == tokens("1")


def test_a_login_that_redis_has_lost_is_given_back(own_scene: Scene) -> None:
    store, newcomer = own_scene.store(), own_scene.store()
    store.save(tokens("1"))
    own_scene.server.command("FLUSHALL")
    assert newcomer.load() == TokenSet()
    own_scene.let_time_pass()
    assert store.load() == tokens("1")
    assert newcomer.load() == tokens("1")


def test_an_old_memory_is_not_given_back(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.server.command("FLUSHALL")
    own_scene.now_s += timedelta(minutes=11).total_seconds()
    assert store.load() == TokenSet()


def test_a_logout_elsewhere_is_obeyed(own_scene: Scene) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    own_scene.store().save(TokenSet())
    own_scene.let_time_pass()
    assert store.load() == TokenSet()


@pytest.mark.parametrize(
    "setting",
    [
        ("REPLICAOF", "127.0.0.1", "1"),
        ("CONFIG", "SET", "maxmemory", "1"),
        ("CONFIG", "SET", "min-replicas-to-write", "1"),
    ],
    ids=["a replica", "full", "without its replicas"],
)
def test_a_redis_that_takes_nothing_is_found_out_before_a_refresh(own_scene: Scene, setting: tuple[str, ...]) -> None:
    store = own_scene.store()
    store.save(tokens("1"))
    with store.exclusive():
        own_scene.server.command(*setting)
        with pytest.raises(TokenStoreError, match="could not be written to Redis at 127"):
            store.prove_storable()
        assert store.load() == tokens("1")
    with pytest.raises(TokenStoreError, match="could not be locked in Redis at 127"), store.exclusive():
        pass
    own_scene.let_time_pass()
    assert store.load() == tokens("1")


def test_a_proof_leaves_an_empty_redis_empty(own_scene: Scene) -> None:
    store = own_scene.store()
    store.prove_storable()
    assert own_scene.server.command("DBSIZE") == 0

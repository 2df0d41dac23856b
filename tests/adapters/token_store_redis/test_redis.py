"""Addresses, seeds, secrets and seals of a login in Redis."""

import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.fernet import Fernet

from adapters.token_store.redis import RedisTokenStore
from adapters.token_store.sealed import FernetSeal
from domain.errors import ConfigurationError, TokenStoreError
from domain.tokens import TokenSet
from tests.adapters.token_store_redis.scene import Scene
from tests.fakes.redis_server import PASSWORD, free_port, redis_server

TOKENS = TokenSet(refresh_token="the-refresh-secret", access_token="the-access-secret")
SECRETS = ("the-refresh-secret", "the-access-secret", PASSWORD)


def test_a_seed_is_taken_where_there_is_no_login(scene: Scene) -> None:
    store = scene.store(seed="seed")
    assert store.load().refresh_token == "seed"
    assert scene.field("refresh_token") == "seed"


def test_a_seed_is_not_taken_where_there_is_a_login(scene: Scene) -> None:
    scene.put("rotated")
    assert scene.store(seed="seed").load().refresh_token == "rotated"
    assert scene.field("refresh_token") == "rotated"


def test_a_seed_is_taken_once(scene: Scene) -> None:
    store = scene.store(seed="seed")
    store.load()
    scene.store().save(TokenSet())
    scene.let_time_pass()
    assert store.load() == TokenSet()


def test_machines_with_one_seed_have_one_login(scene: Scene) -> None:
    stores = [scene.store(seed="seed") for _ in range(4)]
    loaded: list[str | None] = []

    def load(store: RedisTokenStore) -> None:
        loaded.append(store.load().refresh_token)

    workers = [threading.Thread(target=load, args=(store,)) for store in stores]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert loaded == ["seed"] * 4
    with stores[0].exclusive():
        stores[0].load()
        stores[0].save(TOKENS)
    scene.let_time_pass()
    assert {store.load().refresh_token for store in stores} == {"the-refresh-secret"}


def test_logins_of_different_names_do_not_meet(scene: Scene) -> None:
    scene.store().save(TOKENS)
    other = RedisTokenStore(url=scene.url, name=f"{scene.name}-other")
    assert other.load() == TokenSet()
    other.close()


def test_awkward_tokens_are_kept(scene: Scene) -> None:
    awkward = TokenSet(refresh_token="\"#$\\' {}[]" + "=" * 9000, access_token="%s{0}~")
    scene.store().save(awkward)
    assert scene.store().load() == awkward


def test_sealed_tokens_cannot_be_read_in_redis(scene: Scene) -> None:
    scene.store(seal=FernetSeal(Fernet.generate_key().decode())).save(TOKENS)
    everything = str(scene.server.command("HGETALL", scene.login_key))
    assert all(secret not in everything for secret in SECRETS)


def test_a_wrong_key_is_named_by_its_setting(scene: Scene) -> None:
    key, wrong = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    scene.store(seal=FernetSeal(key)).save(TOKENS)
    for store in (scene.store(seal=FernetSeal(wrong)), scene.store()):
        with pytest.raises(TokenStoreError, match="OAUTH_STORE_KEY") as caught:
            store.load()
        assert key not in str(caught.value)
        assert wrong not in str(caught.value)


def test_who_logs_in_anew_needs_no_old_key(scene: Scene) -> None:
    scene.store(seal=FernetSeal(Fernet.generate_key().decode())).save(TokenSet(refresh_token="unreadable"))
    store = scene.store(seal=FernetSeal(Fernet.generate_key().decode()))
    store.save(TOKENS)
    assert store.load() == TOKENS


def test_keys_are_rotated_without_a_login(scene: Scene) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    scene.store(seal=FernetSeal(old)).save(TOKENS)
    both = scene.store(seal=FernetSeal(f"{new},{old}"))
    with both.exclusive():
        both.save(both.load())
    assert scene.store(seal=FernetSeal(new)).load() == TOKENS


def test_no_secret_is_shown(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = scene.store(lock_timeout=timedelta(0))
    store.save(TOKENS)
    shown = [repr(store)]
    with store.exclusive():
        store.load()
        for part in vars(store).values():
            shown += [repr(part), repr(getattr(part, "__dict__", None))]
        scene.put("pasted")
        with pytest.raises(TokenStoreError) as caught:
            store.save(TokenSet(refresh_token="the-refresh-secret-2"))
        shown.append(repr(caught.value))
        with pytest.raises(TokenStoreError) as caught, scene.store(lock_timeout=timedelta(0)).exclusive():
            pass
        shown.append(repr(caught.value))
    whole = "\n".join([*shown, caplog.text])
    assert all(secret not in whole for secret in SECRETS)


def test_a_wrong_password_is_told_and_not_shown(scene: Scene) -> None:
    url = scene.url.replace(PASSWORD, "wr0ng")
    store = RedisTokenStore(url=url)
    with pytest.raises(TokenStoreError, match="Check the user and the password") as caught:
        store.load()
    assert "wr0ng" not in str(caught.value)
    store.close()


@pytest.mark.parametrize("url", ["https://user:s3cret@host", "s3cret", "redis://:s3cret/x@host:port/0"])
def test_a_malformed_address_is_told_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="rediss://user:password@host") as caught:
        RedisTokenStore(url=url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_something_else_under_the_key_is_told(scene: Scene) -> None:
    scene.server.command("SET", scene.login_key, "a string")
    with pytest.raises(TokenStoreError, match="WRONGTYPE"):
        scene.store().load()


def test_what_redis_quotes_of_a_command_is_not_shown() -> None:
    with redis_server("--rename-command", "EVALSHA", "") as server:
        store = RedisTokenStore(url=server.url)
        with pytest.raises(TokenStoreError, match=r"unknown command 'EVALSHA'\.") as caught, store.exclusive():
            pass
        assert "oca:{default}:lease" not in str(caught.value)
        store.close()


def test_a_certificate_is_demanded_and_checked(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    trusted, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(trusted)
    stranger.cert_pem.write_to_path(other)
    files = ("--tls-cert-file", str(chain), "--tls-key-file", str(key), "--tls-ca-cert-file", str(trusted))
    port = free_port()
    with redis_server(*files, "--tls-auth-clients", "no", "--tls-port", str(port)):
        address = f"rediss://:{PASSWORD}@127.0.0.1:{port}"
        good = RedisTokenStore(url=f"{address}?ssl_ca_certs={trusted}")
        good.save(TOKENS)
        assert good.load() == TOKENS
        good.close()
        bad = RedisTokenStore(url=f"{address}?ssl_ca_certs={other}")
        with pytest.raises(TokenStoreError, match="certificate verify failed"):
            bad.load()
        bad.close()

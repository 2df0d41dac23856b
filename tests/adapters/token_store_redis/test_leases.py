"""Who holds the login, and what becomes of those who held it too long."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.token_store.lease import LeaseLock
from adapters.token_store.redis import RedisTokenStore
from adapters.token_store.vault import HoldLostError
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, begin_attempt
from tests.adapters.token_store_redis.scene import SHORT, Scene, wait_until

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def tokens(name: str) -> TokenSet:
    return TokenSet(refresh_token=f"refresh-{name}", access_token=f"access-{name}", expires_at=NOW)


def count(store: RedisTokenStore, rounds: int) -> None:
    """Add one to the number that is the refresh token, again and again."""
    for _ in range(rounds):
        with store.exclusive():
            number = int(store.load().refresh_token or "0")
            store.prove_storable()
            store.save(TokenSet(refresh_token=str(number + 1)))


def time_left_ms(scene: Scene) -> int:
    return int(scene.server.command("PTTL", scene.lease_key))


@contextmanager
def machine(scene: Scene, lease: timedelta) -> Generator[subprocess.Popen[str]]:
    lease_ms = str(round(lease.total_seconds() * 1000))
    command = [sys.executable, "-m", "tests.adapters.token_store_redis.worker", scene.url, scene.name, lease_ms]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_machines_that_hold_the_login_lose_no_update(scene: Scene) -> None:
    rounds, threads = 5, 5
    machines = [scene.store() for _ in range(3)]
    workers = [threading.Thread(target=count, args=(store, rounds)) for store in machines for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert scene.field("refresh_token") == str(rounds * threads * len(machines))
    assert scene.field("generation") == scene.field("refresh_token")


def test_each_lease_has_a_higher_number_than_all_before(scene: Scene) -> None:
    numbers: list[int] = []
    for store in (scene.store(), scene.store(), scene.store()):
        with store.exclusive():
            store.save(tokens("1"))
        numbers.append(int(scene.field("generation") or ""))
    assert numbers == sorted(set(numbers))


def test_a_paused_holder_cannot_overwrite_a_newer_login(scene: Scene) -> None:
    paused, other = scene.store(), scene.store()
    paused.save(tokens("0"))
    with paused.exclusive():
        paused.load()
        scene.end_lease()
        with other.exclusive():
            other.load()
            other.save(tokens("newer"))
        with pytest.raises(HoldLostError, match="ended while it was held"):
            paused.save(tokens("late"))
    assert scene.field("refresh_token") == "refresh-newer"
    assert paused.load() == tokens("newer")
    assert paused.trouble() is None
    assert scene.field("refresh_token") == "refresh-newer"


def test_a_paused_holder_cannot_overwrite_a_newer_access_token_of_the_same_refresh_token(scene: Scene) -> None:
    paused, other = scene.store(), scene.store()
    paused.save(TokenSet(refresh_token="kept", access_token="old"))
    with paused.exclusive():
        paused.load()
        scene.end_lease()
        with other.exclusive():
            other.load()
            other.save(TokenSet(refresh_token="kept", access_token="newer"))
            with pytest.raises(HoldLostError):
                paused.save(TokenSet(refresh_token="kept", access_token="late"))
    assert scene.field("access_token") == "newer"


def test_what_a_paused_holder_has_bought_is_stored_if_nobody_has_bought_more(scene: Scene) -> None:
    paused, other = scene.store(), scene.store(lock_timeout=timedelta(0))
    paused.save(tokens("0"))
    with paused.exclusive():
        paused.load()
        scene.end_lease()
        with other.exclusive():
            other.load()
            with pytest.raises(HoldLostError):
                paused.save(tokens("bought"))
            assert paused.load() == tokens("bought")
            assert scene.field("refresh_token") == "refresh-0"
    assert paused.load() == tokens("bought")
    assert other.load() == tokens("bought")
    assert paused.trouble() is None


def test_a_lease_that_has_ended_is_good_for_a_save_until_somebody_else_has_one(scene: Scene) -> None:
    paused, other = scene.store(), scene.store(lock_timeout=timedelta(0))
    with paused.exclusive():
        paused.load()
        scene.end_lease()
        paused.save(tokens("1"))
        with pytest.raises(TokenStoreError), other.exclusive():
            pass
    assert other.load() == tokens("1")


def test_no_refresh_token_is_sent_under_a_lost_lease(scene: Scene) -> None:
    paused, other = scene.store(), scene.store()
    paused.save(tokens("0"))
    with paused.exclusive():
        loaded = paused.load()
        scene.end_lease()
        with other.exclusive():
            pass
        with pytest.raises(HoldLostError):
            paused.prove_storable()
        with pytest.raises(HoldLostError):
            paused.save(begin_attempt(loaded, "refresh-0", now=NOW))
    assert other.load().attempt is None


def test_a_proof_makes_the_lease_last_for_the_whole_request(scene: Scene) -> None:
    store = scene.store()
    with store.exclusive():
        scene.server.command("PEXPIRE", scene.lease_key, "5000")
        store.prove_storable()
        assert time_left_ms(scene) > 60_000
        scene.server.command("PEXPIRE", scene.lease_key, "5000")
        store.save(tokens("1"))
        assert time_left_ms(scene) > 60_000


def test_no_refresh_is_begun_that_the_lease_does_not_outlast(scene: Scene) -> None:
    # A lease shorter than a request: what an answer of Redis that takes a minute leaves of a usual one.
    slow = RedisTokenStore(url=scene.url, name=scene.name, longest_request=SHORT * 200, lease=SHORT * 100)
    with slow.exclusive(), pytest.raises(HoldLostError, match="answers so slowly"):
        slow.prove_storable()
    slow.close()


def test_a_slow_holder_keeps_its_lease(scene: Scene) -> None:
    holder, other = scene.store(lease=SHORT), scene.store(lock_timeout=timedelta(0))
    renewals, least_ms = 0, 10_000

    def has_outlived_its_lease() -> bool:
        nonlocal renewals, least_ms
        left_ms = time_left_ms(scene)
        renewals, least_ms = renewals + (left_ms > least_ms), left_ms
        # Three of them make a lease.
        return renewals > 4

    with holder.exclusive():
        wait_until(has_outlived_its_lease)
        with pytest.raises(TokenStoreError), other.exclusive():
            pass
        holder.save(tokens("1"))
    assert other.load() == tokens("1")


def test_a_lease_ends_with_its_block(scene: Scene) -> None:
    store, other = scene.store(), scene.store(lock_timeout=timedelta(0))
    with store.exclusive():
        pass
    with other.exclusive():
        pass


def test_a_renewal_that_comes_too_late_brings_no_lease_back(scene: Scene) -> None:
    client = scene.server.client()
    lock = LeaseLock(client, lease_key=scene.lease_key, fence_key=scene.fence_key, length=timedelta(seconds=60))
    first = lock.acquire(timedelta(0))
    assert first is not None
    scene.end_lease()
    assert lock.renew(first)
    assert time_left_ms(scene) > 50_000
    lock.release(first)
    assert not lock.renew(first)
    second = lock.acquire(timedelta(0))
    assert second is not None
    assert not lock.renew(first)
    lock.release(first)
    assert lock.renew(second)
    lock.release(second)
    client.close()


def test_the_lease_of_a_killed_holder_ends_by_itself(scene: Scene) -> None:
    other = scene.store()
    other.save(tokens("0"))
    with machine(scene, timedelta(seconds=1.5)) as holder:
        holder.kill()
        holder.wait()
        with pytest.raises(TokenStoreError), scene.store(lock_timeout=timedelta(0)).exclusive():
            pass
        with other.exclusive():
            other.load()
            other.save(tokens("1"))
    assert scene.field("refresh_token") == "refresh-1"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_a_stopped_holder_blocks_nobody_for_ever_and_overwrites_nothing(scene: Scene) -> None:
    other = scene.store()
    other.save(tokens("0"))
    with machine(scene, timedelta(seconds=1)) as holder:
        holder.send_signal(signal.SIGSTOP)
        with other.exclusive():
            other.load()
            other.save(tokens("newer"))
        holder.send_signal(signal.SIGCONT)
        said, _ = holder.communicate("go on\n")
        assert said.startswith("HoldLostError")
    assert scene.field("refresh_token") == "refresh-newer"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_breaks_the_lease_of_its_parent(scene: Scene) -> None:
    store = scene.store(lock_timeout=timedelta(0))
    block = store.exclusive()
    block.__enter__()
    child = os.fork()
    if child == 0:  # pragma: no cover - the child is measured by its exit code
        code = 1
        with suppress(BaseException):
            try:
                with store.exclusive():
                    code = 2
            except TokenStoreError:
                # It leaves the block in which its parent holds the login.
                block.__exit__(None, None, None)
                code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(TokenStoreError), scene.store(lock_timeout=timedelta(0)).exclusive():
        pass
    block.__exit__(None, None, None)
    with scene.store(lock_timeout=timedelta(0)).exclusive():
        pass

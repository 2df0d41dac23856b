"""What every token store keeps."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from domain.errors import TokenStoreError
from domain.tokens import TokenSet, begin_attempt, refuse, set_back, settle_attempt
from ports.token_store import TokenStore

ISSUED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def login(number: int) -> TokenSet:
    return TokenSet(
        refresh_token=f"refresh-{number}",
        access_token=f"access-{number}",
        expires_at=ISSUED_AT + timedelta(hours=number),
        issued_at=ISSUED_AT,
    )


class StoreBench(Protocol):
    """A store, and a hand on what is behind it. `impatient` is another one on the same ground, which hardly waits."""

    @property
    def store(self) -> TokenStore: ...

    @property
    def impatient(self) -> TokenStore: ...

    def stored_refresh_token(self) -> str | None:
        """What is stored, looked at from outside."""
        ...

    def edit_by_hand(self, refresh_token: str) -> None: ...

    def break_storage(self) -> None: ...

    def mend_storage(self) -> None: ...


class TokenStoreContract:
    @pytest.fixture
    def bench(self) -> StoreBench:
        raise NotImplementedError

    @pytest.fixture
    def store(self, bench: StoreBench) -> TokenStore:
        return bench.store

    def test_a_new_store_is_empty(self, store: TokenStore) -> None:
        assert store.load() == TokenSet()

    def test_what_was_saved_is_loaded(self, store: TokenStore) -> None:
        with store.exclusive():
            store.save(login(1))
            assert store.load() == login(1)
        assert store.load() == login(1)

    def test_each_save_replaces_the_one_before(self, store: TokenStore) -> None:
        for number in range(1, 4):
            with store.exclusive():
                store.load()
                store.save(login(number))
        assert store.load() == login(3)

    def test_a_save_without_tokens_empties_the_store(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.save(TokenSet())
        assert bench.store.load() == TokenSet()
        assert bench.stored_refresh_token() is None

    def test_what_is_current_is_what_was_loaded(self, store: TokenStore) -> None:
        with store.exclusive():
            store.save(login(1))
        assert store.load() == login(1)
        assert store.current() == login(1)

    def test_what_another_has_saved_is_seen(self, bench: StoreBench) -> None:
        bench.store.load()
        other = bench.impatient
        with other.exclusive():
            other.save(login(1))
        assert bench.store.current() in {None, login(1)}
        assert bench.store.load() == login(1)

    def test_an_edit_by_hand_is_seen(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
        bench.store.load()
        bench.edit_by_hand("pasted")
        current = bench.store.current()
        assert current is None or current.refresh_token == "pasted"
        assert bench.store.load().refresh_token == "pasted"

    def test_a_setback_is_kept_with_its_refresh_token(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            tokens = bench.store.load()
            waiting = set_back(tokens, "refresh-1", reason="nobody there", now=ISSUED_AT, wait=timedelta(seconds=9))
            bench.store.save(waiting)
        assert bench.impatient.load() == waiting
        with bench.store.exclusive():
            dead = refuse(bench.store.load(), "refresh-1", reason="invalid_grant", now=ISSUED_AT)
            bench.store.save(dead)
        assert bench.impatient.load() == dead

    def test_a_setback_ends_with_its_refresh_token(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(refuse(login(1), "refresh-1", reason="invalid_grant", now=ISSUED_AT))
        bench.edit_by_hand("pasted")
        assert bench.store.load().setback is None

    def test_an_attempt_is_kept_with_its_refresh_token_until_it_is_settled(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            begun = begin_attempt(bench.store.load(), "refresh-1", now=ISSUED_AT)
            bench.store.save(begun)
            # Seen by others while the request is under way, as it would be after the death of this process.
            assert bench.impatient.load() == begun
            bench.store.save(settle_attempt(begun))
        assert bench.impatient.load() == login(1)

    def test_an_attempt_ends_with_its_refresh_token(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(begin_attempt(login(1), "refresh-1", now=ISSUED_AT))
            bench.store.save(login(2))
        assert bench.impatient.load() == login(2)

    def test_storability_is_proven_without_changing_anything(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.prove_storable()
            assert bench.store.load() == login(1)
        bench.store.prove_storable()
        assert bench.impatient.load() == login(1)

    def test_storability_is_denied_where_storing_would_fail(self, bench: StoreBench) -> None:
        bench.break_storage()
        with pytest.raises(TokenStoreError):
            bench.store.prove_storable()

    def test_a_login_that_could_not_be_stored_lives_on_and_is_stored_later(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.load()
            bench.break_storage()
            with pytest.raises(TokenStoreError):
                bench.store.save(login(2))
            assert bench.store.load() == login(2)
        assert bench.store.current() in {None, login(2)}
        assert bench.store.load() == login(2)
        assert bench.stored_refresh_token() == "refresh-1"
        bench.mend_storage()
        assert bench.store.load() == login(2)
        assert bench.stored_refresh_token() == "refresh-2"
        assert bench.impatient.load() == login(2)

    def test_a_login_that_could_not_be_stored_is_stored_by_the_next_save(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.load()
            bench.break_storage()
            with pytest.raises(TokenStoreError):
                bench.store.save(login(2))
        with bench.store.exclusive():
            assert bench.store.load() == login(2)
            bench.mend_storage()
            bench.store.save(login(3))
        assert bench.store.load() == login(3)
        assert bench.stored_refresh_token() == "refresh-3"

    def test_a_login_that_could_not_be_stored_yields_to_one_that_somebody_else_stores(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.load()
            bench.break_storage()
            with pytest.raises(TokenStoreError):
                bench.store.save(login(2))
        bench.edit_by_hand("pasted")
        assert bench.store.load().refresh_token == "pasted"
        bench.mend_storage()
        assert bench.store.load().refresh_token == "pasted"
        assert bench.stored_refresh_token() == "pasted"
        bench.edit_by_hand("refresh-1")
        assert bench.store.load().refresh_token == "refresh-1"

    def test_a_setback_that_cannot_be_stored_is_no_error(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
        bench.break_storage()
        with bench.store.exclusive():
            bench.store.save(refuse(bench.store.load(), "refresh-1", reason="invalid_grant", now=ISSUED_AT))
        setback = bench.store.load().setback
        assert setback is not None
        assert setback.reason == "invalid_grant"

    def test_a_setback_of_a_login_that_could_not_be_stored_lives_on_with_it(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
            bench.store.load()
            bench.break_storage()
            with pytest.raises(TokenStoreError):
                bench.store.save(login(2))
            waiting = set_back(login(2), "refresh-2", reason="nobody there", now=ISSUED_AT, wait=timedelta(seconds=9))
            bench.store.save(waiting)
        assert bench.store.load() == waiting

    def test_a_refresh_token_pasted_during_a_refresh_is_not_overwritten(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
        with bench.store.exclusive():
            bench.store.load()
            bench.edit_by_hand("pasted")
            with pytest.raises(TokenStoreError):
                bench.store.save(login(2))
            assert bench.store.load().refresh_token == "pasted"
            bench.store.save(login(3))
        assert bench.store.load() == login(3)

    def test_a_refresh_token_pasted_during_a_refresh_survives_a_setback(self, bench: StoreBench) -> None:
        with bench.store.exclusive():
            bench.store.save(login(1))
        with bench.store.exclusive():
            tokens = bench.store.load()
            bench.edit_by_hand("pasted")
            bench.store.save(refuse(tokens, "refresh-1", reason="invalid_grant", now=ISSUED_AT))
        assert bench.stored_refresh_token() == "pasted"
        assert bench.store.load().setback is None

    def test_a_login_that_was_not_looked_at_is_replaced(self, bench: StoreBench) -> None:
        bench.edit_by_hand("old")
        with bench.store.exclusive():
            bench.store.save(login(1))
        assert bench.stored_refresh_token() == "refresh-1"

    def test_threads_that_hold_the_store_lose_no_update(self, store: TokenStore) -> None:
        rounds, threads = 10, 4

        def count() -> None:
            for _ in range(rounds):
                with store.exclusive():
                    number = int(store.load().refresh_token or "0")
                    store.save(TokenSet(refresh_token=str(number + 1)))

        workers = [threading.Thread(target=count) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert store.load().refresh_token == str(rounds * threads)

    def test_a_wait_for_the_store_has_an_end(self, bench: StoreBench) -> None:
        failures: list[TokenStoreError] = []

        def wait() -> None:
            try:
                with bench.impatient.exclusive():
                    pass
            except TokenStoreError as error:
                failures.append(error)

        with bench.store.exclusive():
            worker = threading.Thread(target=wait)
            worker.start()
            worker.join()
        assert len(failures) == 1

    def test_a_load_does_not_wait_for_the_store(self, bench: StoreBench) -> None:
        loaded: list[TokenSet] = []
        with bench.store.exclusive():
            bench.store.save(login(1))
            worker = threading.Thread(target=lambda: loaded.append(bench.store.load()), daemon=True)
            worker.start()
            worker.join(timeout=5)
        assert loaded == [login(1)]

    def test_a_failure_frees_the_store(self, bench: StoreBench) -> None:
        with pytest.raises(ZeroDivisionError), bench.store.exclusive():
            raise ZeroDivisionError
        with bench.impatient.exclusive():
            pass

from datetime import timedelta

from adapters.token_store.memory import LoginMemory
from adapters.token_store.vault import Stored
from domain.tokens import TokenSet
from domain.words import Text


def stored(refresh_token: str) -> Stored:
    return Stored(tokens=TokenSet(refresh_token=refresh_token), version=refresh_token)


def test_a_reader_that_was_overtaken_does_not_turn_memory_back() -> None:
    now_s = 0.0
    memory = LoginMemory(snapshot_age=timedelta(seconds=1), now_s=lambda: now_s)

    def read() -> Stored:
        nonlocal now_s
        found = stored("old")
        now_s = 0.5
        memory.wrote(stored("new"), TokenSet(refresh_token="new"))
        return found

    memory.read(read, Text.of("the vault"))
    assert memory.current() == TokenSet(refresh_token="new")


def test_a_login_that_another_has_lost_before_this_one_knew_it_is_not_made_up() -> None:
    memory = LoginMemory(snapshot_age=timedelta(seconds=1), now_s=lambda: 0.0)
    nothing = Stored(tokens=TokenSet(), version=None)
    memory.read(lambda: nothing, Text.of("the vault"))
    memory.read(lambda: nothing, Text.of("the vault"))
    assert memory.unsaved is None
    assert memory.trouble() is None


def test_a_login_that_could_not_be_stored_outlives_a_vault_that_has_lost_everything() -> None:
    memory = LoginMemory(snapshot_age=timedelta(seconds=1), now_s=lambda: 0.0)
    memory.keep(TokenSet(refresh_token="bought"), parent="spent", why=Text.of("full"))
    assert memory.seen(stored("spent")) == TokenSet(refresh_token="bought")
    assert memory.seen(Stored(tokens=TokenSet(), version=None)) == TokenSet(refresh_token="bought")
    assert memory.seen(Stored(tokens=TokenSet(), version="logged out")) == TokenSet()

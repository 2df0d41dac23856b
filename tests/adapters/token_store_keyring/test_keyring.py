from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.errors import KeyringLocked, NoKeyringError

from adapters.token_store.keyring import SERVICE, KeyringTokenStore
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, refuse
from tests.fakes.keyring_backend import FakeKeyring

TOKENS = TokenSet(refresh_token="r" * 900, access_token="a" * 4000)
WINDOWS_CHARS = 1280


class _NoKeyring(FakeKeyring):
    """As keyring.backends.fail, which the library chooses where a system has none."""

    def get_password(self, service: str, username: str) -> str | None:
        raise NoKeyringError

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NoKeyringError


class _NullKeyring(FakeKeyring):
    """As keyring.backends.null, which a person chooses who wants none."""

    def get_password(self, service: str, username: str) -> str | None:
        return None


class _LockedKeyring(FakeKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked


class _ForeignKeyring(FakeKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise ArithmeticError("the-secret")


class _DeathError(BaseException):
    pass


class _Death:
    def __init__(self, step: int) -> None:
        self._step = step

    def __call__(self, step: int) -> None:
        if step == self._step:
            raise _DeathError


@pytest.fixture
def chosen() -> Generator[FakeKeyring]:
    before, backend = keyring.get_keyring(), FakeKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_the_keyring_that_the_library_has_chosen_is_used(tmp_path: Path, chosen: FakeKeyring) -> None:
    KeyringTokenStore(folder=tmp_path, name="work").save(TOKENS)
    assert [*chosen.entries] == [(SERVICE, "work")]
    assert KeyringTokenStore(folder=tmp_path, name="work").load() == TOKENS
    assert KeyringTokenStore(folder=tmp_path, name="home").load() == TokenSet()


def test_no_token_is_written_beside_the_keyring(tmp_path: Path) -> None:
    KeyringTokenStore(folder=tmp_path / "new", backend=FakeKeyring()).save(TOKENS)
    assert [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()] == [b""]


def test_a_system_without_a_keyring_is_told_with_the_next_step(tmp_path: Path) -> None:
    store = KeyringTokenStore(folder=tmp_path, backend=_NoKeyring())
    for use in (store.load, store.prove_storable):
        with pytest.raises(TokenStoreError, match=r"gnome-keyring or KWallet.*\.env or in Redis"):
            use()


def test_a_locked_keyring_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(TokenStoreError, match="Unlock it"):
        KeyringTokenStore(folder=tmp_path, backend=_LockedKeyring()).load()


def test_what_a_backend_says_in_its_own_words_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(TokenStoreError, match="ArithmeticError") as caught:
        KeyringTokenStore(folder=tmp_path, backend=_ForeignKeyring()).load()
    assert "the-secret" not in str(caught.value)


def test_a_keyring_that_keeps_nothing_is_found_out_before_a_refresh(tmp_path: Path) -> None:
    store = KeyringTokenStore(folder=tmp_path, backend=_NullKeyring())
    with pytest.raises(TokenStoreError, match="does not keep"):
        store.prove_storable()
    with pytest.raises(TokenStoreError, match="does not give them back"):
        store.save(TOKENS)
    assert store.load() == TOKENS


def test_a_proof_leaves_nothing_behind(tmp_path: Path) -> None:
    backend = FakeKeyring()
    KeyringTokenStore(folder=tmp_path, backend=backend).prove_storable()
    assert backend.entries == {}


def test_a_seed_is_taken_where_there_is_no_login(tmp_path: Path) -> None:
    backend = FakeKeyring()
    assert KeyringTokenStore(folder=tmp_path, backend=backend, seed_refresh_token="seed").load().refresh_token == "seed"
    assert KeyringTokenStore(folder=tmp_path, backend=backend).load().refresh_token == "seed"
    late = KeyringTokenStore(folder=tmp_path, backend=backend, seed_refresh_token="late")
    assert late.load().refresh_token == "seed"


def test_a_seed_heals_a_dead_login(tmp_path: Path) -> None:
    backend = FakeKeyring()
    store = KeyringTokenStore(folder=tmp_path, backend=backend, seed_refresh_token="spent")
    with store.exclusive():
        store.save(refuse(store.load(), "spent", reason="invalid_grant", now=datetime(2026, 1, 2, tzinfo=UTC)))
    again = KeyringTokenStore(folder=tmp_path, backend=backend, seed_refresh_token="spent")
    assert again.load().refresh_token == "spent"
    healed = KeyringTokenStore(folder=tmp_path, backend=backend, seed_refresh_token="fresh").load()
    assert (healed.refresh_token, healed.setback) == ("fresh", None)
    assert KeyringTokenStore(folder=tmp_path, backend=backend).load().refresh_token == "fresh"


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = KeyringTokenStore(folder=tmp_path / "file", backend=FakeKeyring())
    with pytest.raises(TokenStoreError, match="locked"), store.exclusive():
        pass


def test_a_long_login_fits_into_a_keyring_of_short_entries(tmp_path: Path) -> None:
    backend = FakeKeyring(longest=WINDOWS_CHARS)
    store = KeyringTokenStore(folder=tmp_path, backend=backend, piece_chars=1200)
    store.save(TOKENS)
    assert KeyringTokenStore(folder=tmp_path, backend=backend).load() == TOKENS
    for size in (5000, 2000, 3000):
        store.save(TokenSet(refresh_token="x" * size))
        assert store.load().refresh_token == "x" * size
        assert len(backend.entries) == 1 + -(-len(_whole(backend)) // 1200)
    store.save(TokenSet(refresh_token="short"))
    assert [*backend.entries] == [(SERVICE, "default")]


def test_a_login_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    store = KeyringTokenStore(folder=tmp_path, backend=FakeKeyring(), piece_chars=10)
    with pytest.raises(TokenStoreError, match="too long"):
        store.save(TOKENS)


@pytest.mark.parametrize("earlier_saves", [0, 1, 2])
def test_a_writer_that_dies_at_any_step_leaves_a_whole_login(tmp_path: Path, earlier_saves: int) -> None:
    for death in range(100):
        backend = FakeKeyring(longest=1200)
        store = KeyringTokenStore(folder=tmp_path, backend=backend, piece_chars=1200)
        for _ in range(earlier_saves):
            store.save(TokenSet(refresh_token="old" * 2000))
        before = store.load()
        backend.before_step = _Death(backend.steps + death)
        try:
            store.save(TOKENS)
        except _DeathError:
            after = KeyringTokenStore(folder=tmp_path, backend=backend, piece_chars=1200)
            assert after.load() in (before, TOKENS)
            backend.before_step = lambda _: None
            after.save(TokenSet(refresh_token="short"))
            assert [*backend.entries] == [(SERVICE, "default")]
        else:
            assert death > 4
            assert store.load() == TOKENS
            return
    raise AssertionError("no save has ended")


@given(text=st.one_of(st.text(), st.sampled_from(["[]", "{}", '{"refresh_token": 1}', '{"slot": "a", "pieces": -1}'])))
def test_whatever_lies_in_the_keyring_is_read_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    backend = FakeKeyring()
    backend.entries[SERVICE, "default"] = text
    store = KeyringTokenStore(folder=tmp_path_factory.getbasetemp(), backend=backend)
    assert store.load().access_token is None


def _whole(backend: FakeKeyring) -> str:
    return "".join(text for (service, _), text in backend.entries.items() if service != SERVICE)

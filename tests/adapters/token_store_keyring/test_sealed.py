import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from adapters.token_store.sealed import FernetSeal, OpenSeal, seal_with
from domain.errors import ConfigurationError, TokenStoreError

KEY, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(text=st.text())
def test_what_was_sealed_is_unsealed(text: str) -> None:
    seal = FernetSeal(KEY)
    assert seal.unseal(seal.seal(text)) == text


def test_a_seal_hides_its_text() -> None:
    assert "secret" not in FernetSeal(KEY).seal("secret")


def test_two_seals_on_one_text_differ() -> None:
    assert FernetSeal(KEY).seal("secret") != FernetSeal(KEY).seal("secret")


def test_a_text_that_was_never_sealed_is_taken_as_it_is() -> None:
    assert FernetSeal(KEY).unseal("pasted") == "pasted"
    assert OpenSeal().unseal(OpenSeal().seal("as it is")) == "as it is"


@pytest.mark.parametrize("keys", [OTHER, None], ids=["another key", "no key"])
def test_without_the_right_key_nothing_is_unsealed(keys: str | None) -> None:
    with pytest.raises(TokenStoreError, match="OAUTH_STORE_KEY") as caught:
        seal_with(keys).unseal(FernetSeal(KEY).seal("secret"))
    assert OTHER not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_changed_seal_is_refused() -> None:
    sealed = FernetSeal(KEY).seal("secret")
    with pytest.raises(TokenStoreError):
        FernetSeal(KEY).unseal(sealed[:-6] + "AAAA==")


def test_the_first_key_seals_and_all_unseal() -> None:
    both = FernetSeal(f" {OTHER} , {KEY}")
    assert both.unseal(FernetSeal(KEY).seal("secret")) == "secret"
    assert FernetSeal(OTHER).unseal(both.seal("secret")) == "secret"


@pytest.mark.parametrize(
    "keys", ["tooshort", f"{KEY},", f"{KEY},ünrdbar", KEY[:-4]], ids=["short", "empty", "no ASCII", "cut"]
)
def test_a_malformed_key_is_told_and_not_shown(keys: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OAUTH_STORE_KEY: key \d .* Make one with: python -c") as caught:
        FernetSeal(keys)
    assert keys not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("keys", [None, "", "  "])
def test_without_keys_nothing_is_sealed(keys: str | None) -> None:
    assert isinstance(seal_with(keys), OpenSeal)

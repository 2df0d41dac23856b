"""Which store OAUTH_TOKEN_STORE names."""

import sys
from pathlib import Path

import pytest

from adapters.token_store.dotenv import DotenvTokenStore
from adapters.token_store.keyring import KeyringTokenStore
from adapters.token_store.redis import RedisTokenStore
from config.settings import Need, load_settings
from config.stores import token_store
from domain.errors import ConfigurationError
from ports.token_store import TokenStore


def store_of(folder: Path, place: str, **environ: str) -> TokenStore:
    settings = load_settings(
        Need.LOGIN,
        env_file=folder / ".env",
        environ={"OAUTH_HOST": "as.example", "OAUTH_CLIENT_ID": "c", "OAUTH_TOKEN_STORE": place, **environ},
    )
    return token_store(settings)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("keyring", KeyringTokenStore),
        ("redis://127.0.0.1:1/0", RedisTokenStore),
        ("rediss://user:s3cret@redis.example:6380/0", RedisTokenStore),
    ],
)
def test_the_setting_chooses_the_store_and_nothing_is_asked_yet(tmp_path: Path, place: str, kind: type) -> None:
    assert type(store_of(tmp_path, place)) is kind


def test_the_file_is_the_default(tmp_path: Path) -> None:
    assert type(store_of(tmp_path, "", OAUTH_REFRESH_TOKEN="rt")) is DotenvTokenStore


def test_the_refresh_token_in_the_file_is_what_another_store_begins_with(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_REFRESH_TOKEN=from-file\n")
    settings = load_settings(
        Need.LOGIN,
        env_file=tmp_path / ".env",
        environ={"OAUTH_HOST": "as.example", "OAUTH_CLIENT_ID": "c", "OAUTH_TOKEN_STORE": "keyring"},
    )
    assert settings.seed_refresh_token is not None
    assert settings.seed_refresh_token.get_secret_value() == "from-file"


def test_an_unknown_store_is_a_wrong_setting_whose_value_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="OAUTH_TOKEN_STORE in the environment must be") as caught:
        store_of(tmp_path, "mysql://user:s3cret@db.example")
    assert "s3cret" not in str(caught.value)


def test_a_key_that_is_none_is_said_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="OAUTH_STORE_KEY") as caught:
        store_of(tmp_path, "keyring", OAUTH_STORE_KEY="s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_missing_library_is_a_matter_of_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adapters.token_store.redis", None)
    with pytest.raises(ConfigurationError, match="is not installed"):
        store_of(tmp_path, "redis://127.0.0.1:1/0")


def test_the_place_of_a_login_is_told_without_a_password(tmp_path: Path) -> None:
    environ = {"OAUTH_HOST": "as.example", "OAUTH_CLIENT_ID": "c"}
    redis = {**environ, "OAUTH_TOKEN_STORE": "rediss://user:s3cret@redis.example:6380/0"}
    settings = load_settings(Need.LOGIN, env_file=tmp_path / ".env", environ=redis)
    assert settings.login_place == "Redis at redis.example:6380, as default"
    assert "oca login" in settings.mend.en
    keyring = {**environ, "OAUTH_TOKEN_STORE": "keyring"}
    assert "keyring" in load_settings(Need.LOGIN, env_file=tmp_path / ".env", environ=keyring).login_place

"""One manager is one login, however it is copied."""

import copy
import pickle
from pathlib import Path

import pytest

from adapters.gateway.token_manager import OCAOauth2TokenManager
from config.settings import load_settings
from domain.errors import ConfigurationError

TEXT = """\
OAUTH_HOST='as.example'
OAUTH_CLIENT_ID='c'
OAUTH_REFRESH_TOKEN='very-secret-refresh-token'
LLM_API_URL='https://api.example/v1/chat/completions'
LLM_MODEL_NAME='m'
"""


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(TEXT)
    return path


def test_a_copy_is_the_same_manager(env_file: Path) -> None:
    manager = OCAOauth2TokenManager(env_file)
    assert copy.copy(manager) is manager
    assert copy.deepcopy({"deep": manager})["deep"] is manager


def test_a_pickle_names_the_file_and_holds_no_token(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(env_file.parent)
    pickled = pickle.dumps(OCAOauth2TokenManager())
    assert b"very-secret" not in pickled
    monkeypatch.chdir("/")
    assert pickle.loads(pickled).settings.env_file == env_file  # noqa: S301 - our own


def test_a_pickle_of_given_settings_keeps_them(env_file: Path) -> None:
    settings = load_settings(env_file=env_file, environ={}, overrides={"LLM_MODEL_NAME": "other"})
    revived = pickle.loads(pickle.dumps(OCAOauth2TokenManager(settings=settings)))  # noqa: S301 - our own
    assert revived.settings == settings


def test_the_environment_names_the_file(
    env_file: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("OCA_ENV_FILE", str(env_file))
    assert OCAOauth2TokenManager.from_env().settings.env_file == env_file
    with pytest.raises(ConfigurationError):
        OCAOauth2TokenManager()


def test_any_setting_can_be_given_and_survives_a_pickle(env_file: Path) -> None:
    manager = OCAOauth2TokenManager(env_file, connection_timeout=5, http_proxy_url="http://proxy.example:3128")
    for each in (manager, pickle.loads(pickle.dumps(manager))):  # noqa: S301 - our own
        assert each.settings.connection_timeout == 5
        assert each.settings.http_proxy_url is not None
        assert each.settings.http_proxy_url.get_secret_value() == "http://proxy.example:3128"


def test_what_is_no_setting_is_refused(env_file: Path) -> None:
    with pytest.raises(TypeError, match="proxi_url"):
        OCAOauth2TokenManager(env_file, proxi_url="http://proxy.example:3128")
    with pytest.raises(TypeError, match="connection_timeout"):
        OCAOauth2TokenManager(settings=load_settings(env_file=env_file), connection_timeout=5)
    with pytest.raises(ConfigurationError, match="CONNECTION_TIMEOUT"):
        OCAOauth2TokenManager(env_file, connection_timeout="soon")


def test_a_key_that_never_changes_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    manager = OCAOauth2TokenManager.from_key("static")
    assert manager.get_access_token() == "static"
    assert repr(manager) == "OCAOauth2TokenManager(LLM_API_KEY)"

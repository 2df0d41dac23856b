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

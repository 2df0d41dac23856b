"""The names that people import into their own programs."""

import subprocess
import sys
from pathlib import Path

import pytest

import adapters.langchain
from adapters.langchain import OCAOauth2TokenManager
from domain.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


def test_the_token_manager_reads_the_file_it_is_given_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("OAUTH_HOST", "OAUTH_TOKEN_URL", "OAUTH_CLIENT_ID", "OAUTH_REFRESH_TOKEN"):
        monkeypatch.delenv(key, raising=False)
    path = tmp_path / ".env"
    path.write_text("OAUTH_HOST=as.example\nOAUTH_CLIENT_ID=c\nOAUTH_REFRESH_TOKEN=s3cret\n")
    manager = OCAOauth2TokenManager(str(path))
    assert repr(manager) == "OCAOauth2TokenManager(token_endpoint='https://as.example/oauth2/v1/token')"
    with pytest.raises(ConfigurationError, match="OAUTH_CLIENT_ID is missing"):
        OCAOauth2TokenManager(tmp_path / "none")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="OCAChatModle"):
        getattr(adapters.langchain, "OCAChatModle")  # noqa: B009 - the point is that it is not there


def test_a_token_alone_does_not_cost_the_import_of_langchain() -> None:
    code = "import sys; from adapters.langchain import OCAOauth2TokenManager; sys.exit('langchain_core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=50, check=False).returncode == 0

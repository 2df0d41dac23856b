"""The names that people import into their own programs."""

from pathlib import Path

import pytest

from adapters.langchain import OCAOauth2TokenManager
from domain.errors import ConfigurationError


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

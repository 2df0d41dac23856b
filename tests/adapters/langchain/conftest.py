"""A system that trusts one authority: reading a hundred and fifty of them for each model takes longer than a test."""

from pathlib import Path

import pytest
import trustme


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def _few_authorities(one_authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))
    monkeypatch.setenv("SSL_CERT_DIR", str(one_authority.parent))

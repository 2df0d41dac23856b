"""A sandbox for the session, downloads that stay on this machine, and cassettes that are thrown away."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from langchain_tests.conftest import base_vcr_config
from langchain_tests.integration_tests import chat_models

from adapters.clock.system import SystemClock
from adapters.langchain import OCAOauth2TokenManager
from adapters.sandbox.server import Sandbox
from tests.adapters.langchain.standard.media_files import LocalDownloads
from tests.adapters.langchain.standard.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Sandbox(SystemClock(), access_token_lifetime=timedelta(hours=1)) as sandbox:
        path = tmp_path_factory.mktemp("login") / ".env"
        path.write_text(sandbox.env_text(sandbox.controls.issue_login()), encoding="utf-8")
        path.chmod(0o600)
        yield World(sandbox=sandbox, token_manager=OCAOauth2TokenManager(path))


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_models, "httpx", LocalDownloads())
    # Without it the suite warns that it is about to load a file from Wikimedia.
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "oca-gateway-tests")


@pytest.fixture(scope="session")
def vcr_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Cassettes are made anew each time: an old one tells what the sandbox once said, on another port."""
    return base_vcr_config() | {"cassette_library_dir": str(tmp_path_factory.mktemp("cassettes"))}

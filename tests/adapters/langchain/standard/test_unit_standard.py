"""LangChain's unit tests."""

from typing import Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests

from tests.adapters.langchain.standard.suite import Abilities


class TestUnit(Abilities, ChatModelUnitTests):
    @pytest.fixture(autouse=True)
    def _away_from_any_env_file(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {
            "OAUTH_HOST": "login.example",
            "OAUTH_CLIENT_ID": "client",
            "OAUTH_REFRESH_TOKEN": "refresh-token",
            "LLM_API_URL": "https://llm.example/v1/chat/completions",
            "LLM_MODEL_NAME": "some-model",
        }
        attributes = {"model": "some-model", "base_url": "https://llm.example/v1/chat/completions"}
        return environment, {}, attributes

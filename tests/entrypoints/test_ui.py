"""The page's script, as Streamlit runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from adapters.clock.system import SystemClock
from tests.entrypoints.stack import sandbox, write_env

SCRIPT = str(Path(__file__).parents[2] / "entrypoints" / "ui.py")


@pytest.fixture(autouse=True)
def nothing_shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No account of the tester's, and no gateway of another test."""
    monkeypatch.setenv("OCA_ENV_FILE", str(tmp_path / ".env"))
    for key in ("OAUTH_HOST", "OAUTH_CLIENT_ID", "OAUTH_REFRESH_TOKEN", "LLM_API_URL", "LOG_FORMAT"):
        monkeypatch.delenv(key, raising=False)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def answered(page: AppTest) -> str:
    page.chat_input[0].set_value("Hello!").run()
    return page.chat_message[-1].markdown[0].value


def test_without_an_account_the_sandbox_answers_and_says_so() -> None:
    page = AppTest.from_file(SCRIPT, default_timeout=30).run()
    assert not page.exception
    assert "sandbox" in page.info[0].value.lower()
    assert "sandbox" in answered(page).lower()


def test_with_an_account_its_own_model_answers(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world, LLM_TEMPERATURE="0.1")
        page = AppTest.from_file(SCRIPT, default_timeout=30).run()
        assert not page.info
        assert page.slider[0].value == 0.1
        assert "Hello!" in answered(page)
        assert world.controls.tokens.grants == 1


def test_wrong_settings_are_said_on_the_page(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=as.example\n")
    page = AppTest.from_file(SCRIPT, default_timeout=30).run()
    assert "OAUTH_CLIENT_ID is missing" in page.error[0].value

"""The line in the sidebar that tells how the login stands."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.chat_ui.page import PageDefaults
from adapters.chat_ui.texts import CHINESE, ENGLISH, Texts
from domain.errors import TokenStoreError
from domain.flows import LoginStatus
from domain.tokens import Setback, TokenState
from tests.adapters.chat_ui.page_driver import Page
from tests.fakes.chat_gateway import FakeChatGateway

DEFAULTS = PageDefaults(model="m", system_prompt="", temperature=0.7, sandbox=False, mend="Run: oca token")
DEAD = LoginStatus(
    state=TokenState.EXPIRED,
    has_refresh_token=True,
    setback=Setback(fingerprint="f", reason="invalid_grant", at=datetime(2026, 1, 2, tzinfo=UTC), until=None),
)


def fresh() -> LoginStatus:
    """Renewed ten minutes ago, and half a minute, so that the test may take its time."""
    now = datetime.now(UTC)
    return LoginStatus(
        state=TokenState.FRESH,
        has_refresh_token=True,
        expires_at=now + timedelta(minutes=50),
        issued_at=now - timedelta(minutes=10, seconds=15),
    )


def sidebar(status: LoginStatus | TokenStoreError, locale: str = "en-US") -> str:
    gateway = FakeChatGateway()
    gateway.status = status
    page = Page(gateway, defaults=DEFAULTS, locale=locale)
    shown = [each.value for each in (*page.app.sidebar.markdown, *page.app.sidebar.caption)]
    return "\n".join(str(text) for text in shown)


@pytest.mark.parametrize(("texts", "locale"), [(ENGLISH, "en-US"), (CHINESE, "zh-CN")])
def test_a_login_that_works_tells_until_when_and_since_when(texts: Texts, locale: str) -> None:
    told = sidebar(fresh(), locale)
    assert texts.login_until.partition("{")[0].strip() in told
    assert texts.login_renewed.format(minutes=10) in told


def test_a_login_that_is_over_tells_how_to_mend_it() -> None:
    told = sidebar(DEAD)
    assert ENGLISH.login_needed in told
    assert "Run: oca token" in told


def test_an_expired_token_is_no_reason_to_worry() -> None:
    told = sidebar(LoginStatus(state=TokenState.EXPIRED, has_refresh_token=True))
    assert ENGLISH.login_next_question in told
    assert ENGLISH.login_needed not in told


def test_a_key_has_no_end() -> None:
    assert ENGLISH.login_key in sidebar(LoginStatus(state=None))


def test_a_login_that_cannot_be_looked_at_is_told_and_blocks_nothing() -> None:
    told = sidebar(TokenStoreError("The .env file cannot be read."))
    assert ENGLISH.login_trouble in told
    assert "The .env file cannot be read." in told

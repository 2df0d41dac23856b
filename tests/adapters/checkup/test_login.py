"""What is made of a login that yields no token."""

from datetime import UTC, datetime

import pytest

from adapters.checkup.login import access_token
from domain.checkup import Blame, CheckState
from domain.errors import (
    LoginRequiredError,
    OCAError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenStoreError,
)
from domain.flows import LoginStatus
from domain.tokens import Setback, TokenState
from domain.words import Text

MEND = Text("oca login", "请运行 oca login")
EXPIRED = LoginStatus(state=TokenState.EXPIRED, has_refresh_token=True)


@pytest.mark.parametrize(
    ("error", "fault", "blame"),
    [
        (LoginRequiredError("gone"), "dead_login", Blame.LOGIN),
        (TokenEndpointError("no", error="invalid_scope"), "invalid_scope", Blame.CONFIGURATION),
        (TokenEndpointUnavailableError("away"), "token_endpoint_unavailable", Blame.UNREACHABLE),
        (TokenStoreError("full"), "token_store", Blame.CONFIGURATION),
        (OCAError("odd"), "other", Blame.OTHER),
    ],
)
def test_each_failure_has_its_blame(error: OCAError, fault: str, blame: Blame) -> None:
    def token() -> str:
        raise error

    check, held = access_token(EXPIRED, token, obstacle=None, mend=MEND)
    assert (check.state, check.fault, check.blame, held) == (CheckState.FAILED, fault, blame, None)
    assert check.mend is not None


def test_a_dead_login_is_told_and_its_last_token_is_used() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    dead = Setback(fingerprint="f", reason="invalid_grant", at=now, until=None)
    status = LoginStatus(state=TokenState.FRESH, has_refresh_token=True, expires_at=now, setback=dead)
    check, held = access_token(status, lambda: "token", obstacle=None, mend=MEND)
    assert (check.fault, check.mend, held) == ("dead_login", MEND, "token")

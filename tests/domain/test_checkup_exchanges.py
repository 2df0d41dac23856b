"""What a failed exchange means for a check."""

from datetime import timedelta

import pytest

from domain.checkup import Blame, Check, CheckName, CheckState, failed
from domain.checkup_exchanges import Asked, failed_exchange, request_id_of, told_once
from domain.errors import (
    Cause,
    ConnectionLostError,
    NotConnectedError,
    ResponseTimeoutError,
    ResponseTooLargeError,
    TransportError,
)
from domain.words import Text

ASKED = Asked(
    name=CheckName.CHAT,
    key=Text.of("LLM_API_URL"),
    connect=timedelta(seconds=2),
    limit=timedelta(seconds=30),
    limit_key="LLM_REQUEST_TIMEOUT",
    allowed=timedelta(seconds=120),
)


@pytest.mark.parametrize(
    ("error", "fault", "told"),
    [
        (NotConnectedError("late", timed_out=True), "connect_timeout", "2 s (CONNECTION_TIMEOUT)"),
        (ResponseTimeoutError("silent"), "answer_timeout", "30 s (LLM_REQUEST_TIMEOUT allows 120 s)"),
        (NotConnectedError("closed", cause=Cause.REFUSED), "refused", "closed"),
        (ConnectionLostError("broke."), "connection_lost", "broke"),
        (ResponseTooLargeError("huge"), "too_large", "huge"),
    ],
)
def test_each_failure_has_its_own_words(error: TransportError, fault: str, told: str) -> None:
    check = failed_exchange(ASKED, error)
    assert (check.fault, check.blame) == (fault, Blame.UNREACHABLE)
    assert told in check.finding.en
    assert check.mend is not None


def test_a_limit_without_a_setting_is_told_alone() -> None:
    asked = Asked(name=CheckName.TOKEN_ENDPOINT, key=ASKED.key, connect=ASKED.connect, limit=ASKED.limit)
    assert failed_exchange(asked, ResponseTimeoutError("silent")).finding.en.endswith("within 30 s")


def test_support_is_given_the_name_of_the_exchange() -> None:
    assert request_id_of((("OPC-Request-ID", "a/b"), ("Via", "x"))) == {"request_id": "a/b"}
    assert request_id_of(()) == {}


@pytest.mark.parametrize(
    ("fault", "once"),
    [("html", True), ("forbidden", True), ("status_503", True), ("not_found", False), ("answer_timeout", False)],
)
def test_what_one_mend_ends_is_told_once(fault: str, once: bool) -> None:
    def ill(name: CheckName, fault: str = fault) -> Check:
        return failed(name, ASKED.key, mend=ASKED.key, fault=fault, blame=Blame.UPSTREAM)

    chat = ill(CheckName.CHAT)
    told = told_once(chat, ill(CheckName.MODELS))
    assert (told.state, told.because) == ((CheckState.SKIPPED, "models") if once else (CheckState.FAILED, ""))
    assert told_once(chat, None) is chat
    assert told_once(chat, ill(CheckName.MODELS, "other")) is chat

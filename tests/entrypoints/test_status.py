"""What `oca status` finds out about a login, and how it tells it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from config.settings import Settings
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import Attempt, TokenSet, fingerprint, refuse, set_back
from domain.words import Language, Text
from entrypoints.console import Console
from entrypoints.status import gather
from entrypoints.status_document import status_document
from entrypoints.status_report import AccessTokenState, LoginState, StatusReport
from entrypoints.status_screen import screen as drawn
from tests.fakes.clock import FakeClock
from tests.fakes.token_journal import FakeTokenHistory
from tests.fakes.token_store import FakeTokenStore

NOW = FakeClock().now()
HOUR = timedelta(hours=1)
NAME = fingerprint("planted-refresh")
LOGIN = TokenSet(
    refresh_token="planted-refresh",
    access_token="planted-access",
    issued_at=NOW - timedelta(minutes=5),
    expires_at=NOW + timedelta(minutes=55),
)
REFRESHED = TokenEvent(
    kind=TokenEventKind.REFRESHED,
    refresh_token_fingerprint="spent",
    rotated=True,
    took_seconds=0.25,
    clock_skew_seconds=0.4,
)
FAILED = TokenEvent(kind=TokenEventKind.FAILED, refresh_token_fingerprint=NAME, why="status 503")
UNSAVED = TokenEvent(
    kind=TokenEventKind.UNSAVED, refresh_token_fingerprint=NAME, why="The tokens could not be written to it."
)
KEYS = {
    "": {
        *(
            "ok",
            "login",
            "troubles",
            "place",
            "env_file",
            "token_endpoint",
            "client_id",
            "who",
            "uses_api_key",
            "access_token",
        ),
        *("refresh_token_fingerprint", "last_refresh_at", "last_refresh", "next_refresh_at", "failure", "unanswered"),
        *("unsaved", "clock_skew_s", "events"),
    },
    "env_file": {"path", "writable"},
    "who": {"sub", "name", "email"},
    "access_token": {"state", "expires_at", "expires_in_s"},
    "unanswered": {"requests", "last_at"},
    "failure": {"reason", "since", "last_at", "attempts", "next_attempt_at"},
}
EVENT_KEYS = {
    *("at", "kind", "why", "refresh_token_fingerprint", "rotated", "took_s", "clock_skew_s", "pid", "program", "host"),
}


def settings(**values: str) -> Settings:
    given = {"oauth_host": "id.example", "oauth_client_id": "the-client", **values}
    return Settings.model_validate({"env_file": "/home/me/.env", **given})


def report_on(
    tokens: TokenSet, *events: tuple[timedelta, TokenEvent], storable: bool = True, problems: tuple[str, ...] = ()
) -> StatusReport:
    """The report on a login, and events so long ago."""
    store = FakeTokenStore(tokens)
    store.storable = storable
    clock = FakeClock(NOW)
    history = FakeTokenHistory(clock)
    for ago, event in events:
        clock.advance(NOW - ago - clock.now())
        history.record(event)
    return gather(settings(), store=store, history=history, now=NOW, problems=tuple(map(Text.of, problems)))


def screen(report: StatusReport, language: Language = Language.ENGLISH) -> str:
    return drawn(report, Console(language))


def document(report: StatusReport, language: Language = Language.ENGLISH) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(status_document(report, language)))
    return found


def troubles(report: StatusReport) -> tuple[str, ...]:
    return tuple(str(each) for each in report.troubles)


def minutes_ago(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def test_a_fresh_login_is_fine_and_its_past_and_future_are_told() -> None:
    report = report_on(LOGIN, (minutes_ago(5), REFRESHED))
    assert (report.login, report.access_token, report.troubles) == (LoginState.FINE, AccessTokenState.FRESH, ())
    assert report.exit_code == 0
    # The lead of a token of an hour is 5 minutes.
    assert report.next_refresh_at == NOW + timedelta(minutes=50)
    told = screen(report)
    for words in (
        "https://id.example/oauth2/v1/token, client the-client",
        "/home/me/.env (writable)",
        "(in 55 min)",
        "by oca serve, pid 7 on here.example, took 0.25 s, refresh token replaced",
        "(in 50 min)",
        "agrees with the server's",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("expires_at", "state", "words"),
    [
        (NOW + timedelta(minutes=1), AccessTokenState.STALE, "good, and due to be renewed, until"),
        (NOW - timedelta(hours=3, minutes=2), AccessTokenState.EXPIRED, "(3 h 2 min ago)"),
        (None, AccessTokenState.UNKNOWN, "nobody knows how long"),
    ],
)
def test_an_ageing_login_is_still_fine(expires_at: datetime | None, state: AccessTokenState, words: str) -> None:
    report = report_on(replace(LOGIN, expires_at=expires_at))
    assert (report.login, report.access_token, report.exit_code) == (LoginState.FINE, state, 0)
    assert words in screen(report)
    assert "with the next use" in screen(report)


def test_a_refresh_token_alone_is_a_login_that_the_next_use_renews() -> None:
    report = report_on(TokenSet(refresh_token="planted-refresh"))
    assert (report.login, report.access_token, report.exit_code) == (LoginState.FINE, AccessTokenState.NONE, 0)
    assert (report.next_refresh_at, report.last_refresh_at) == (NOW, None)
    assert "none that is known of" in screen(report)


def test_a_dead_login_tells_the_reason_and_what_mends_it_and_that_a_login_is_needed() -> None:
    report = report_on(
        refuse(LOGIN, "planted-refresh", reason="invalid_grant: [idle] for too long", now=NOW - 2 * HOUR),
        (2 * HOUR, TokenEvent(kind=TokenEventKind.DEAD, refresh_token_fingerprint=NAME, why="invalid_grant")),
    )
    assert (report.login, report.exit_code, report.next_refresh_at) == (LoginState.DEAD, 4, None)
    told = screen(report)
    assert "invalid_grant: [idle] for too long" in told
    assert "oca login --env-file /home/me/.env" in told
    assert "(2 h 0 min ago)" in told
    assert document(report)["ok"] is False


@pytest.mark.parametrize("tokens", [TokenSet(), TokenSet(access_token="planted-access", expires_at=NOW - HOUR)])
def test_no_login_is_told_with_what_mends_it(tokens: TokenSet) -> None:
    report = report_on(tokens)
    assert (report.login, report.exit_code) == (LoginState.NONE, 4)
    assert "There is no login. Log in again" in screen(report)


@pytest.mark.parametrize("expires_at", [None, NOW + HOUR])
def test_an_access_token_that_was_pasted_alone_is_fine_while_it_lasts(expires_at: datetime | None) -> None:
    report = report_on(TokenSet(access_token="planted-access", expires_at=expires_at))
    assert (report.login, report.exit_code, report.next_refresh_at) == (LoginState.FINE, 0, None)


def test_a_failing_login_tells_since_when_and_when_it_is_tried_again() -> None:
    tokens = LOGIN
    for minutes in (9, 2):
        at = NOW - minutes_ago(minutes)
        tokens = set_back(tokens, "planted-refresh", reason="status 503", now=at, wait=timedelta(hours=2))
    report = report_on(
        tokens, (HOUR, FAILED), (minutes_ago(20), REFRESHED), (minutes_ago(9), FAILED), (minutes_ago(2), FAILED)
    )
    assert (report.login, report.exit_code) == (LoginState.FAILING, 0)
    assert report.failure is not None
    assert (report.failure.since, report.failure.attempts) == (NOW - minutes_ago(9), 2)
    assert report.next_refresh_at == NOW + timedelta(hours=1, minutes=58)
    told = screen(report)
    assert "(9 min ago), 2 in a row" in told
    assert "could not be renewed: status 503" in told


def test_a_setback_of_another_refresh_token_is_none_of_this_login() -> None:
    tokens = replace(refuse(LOGIN, "planted-refresh", reason="invalid_grant", now=NOW), refresh_token="planted-new")
    assert report_on(tokens).login is LoginState.FINE


def test_a_request_without_a_known_answer_is_explained_once_nobody_can_be_waiting_for_it() -> None:
    def sent(ago: timedelta) -> StatusReport:
        return report_on(replace(LOGIN, attempt=Attempt(fingerprint=NAME, at=NOW - ago)))

    assert sent(timedelta(seconds=3)).troubles == ()
    assert "Unanswered" in screen(sent(timedelta(seconds=3)))
    (trouble,) = troubles(sent(HOUR))
    assert "what came of it is not known" in trouble
    assert document(sent(HOUR))["unanswered"] == {"requests": 1, "last_at": "2026-01-02T02:04:05+00:00"}


def test_a_login_that_lives_in_the_memory_of_another_process_is_told_of_until_it_is_stored() -> None:
    rotated = replace(REFRESHED, refresh_token_fingerprint=NAME)
    events = ((minutes_ago(2), UNSAVED), (minutes_ago(2), rotated))
    report = report_on(LOGIN, *events)
    assert report.unsaved is not None
    (trouble,) = troubles(report)
    assert trouble.startswith(UNSAVED.why)
    assert "process 7 (oca serve)" in trouble
    assert report_on(LOGIN, events[0]).unsaved is not None
    stored = replace(LOGIN, refresh_token="planted-successor")
    assert report_on(stored, *events).unsaved is None
    kept = replace(rotated, rotated=False)
    assert report_on(LOGIN, events[0], (minutes_ago(2), kept)).unsaved is None
    assert report_on(LOGIN, *events, (minutes_ago(1), REFRESHED)).unsaved is None


def test_a_store_that_cannot_be_written_is_told_of() -> None:
    report = report_on(LOGIN, storable=False)
    assert troubles(report) == ("The tokens could not be stored.",)
    assert "(cannot be written)" in screen(report)
    assert document(report)["env_file"] == {"path": "/home/me/.env", "writable": False}


def test_a_clock_that_is_off_is_told_of_with_what_to_do() -> None:
    report = report_on(LOGIN, (minutes_ago(5), replace(REFRESHED, clock_skew_seconds=120.0)))
    assert "the server's is 120 s ahead" in screen(report)
    assert any("120 s behind the authorization server's. Set it" in trouble for trouble in troubles(report))


def test_an_api_key_stands_in_place_of_a_login_and_the_store_is_not_asked() -> None:
    given = settings(llm_api_key="planted-key")
    report = gather(given, store=FakeTokenStore(LOGIN), history=FakeTokenHistory(), now=NOW)
    assert (report.login, report.exit_code, report.events) == (LoginState.API_KEY, 0, ())
    assert document(report)["uses_api_key"] is True
    assert "LLM_API_KEY is used in its place" in screen(report)


def test_what_is_missing_in_the_settings_comes_first_and_decides_the_exit_code() -> None:
    report = report_on(TokenSet(), problems=("OAUTH_CLIENT_ID is missing: set it.",))
    assert report.exit_code == 3
    assert troubles(report)[0] == "OAUTH_CLIENT_ID is missing: set it."


def every_kind_of_report() -> list[StatusReport]:
    return [
        report_on(LOGIN, (minutes_ago(5), REFRESHED)),
        report_on(refuse(LOGIN, "planted-refresh", reason="invalid_grant", now=NOW), (HOUR, FAILED), (HOUR, UNSAVED)),
        report_on(set_back(LOGIN, "planted-refresh", reason="status 503", now=NOW, wait=HOUR)),
        report_on(TokenSet()),
        gather(settings(llm_api_key="k"), store=FakeTokenStore(), history=FakeTokenHistory(), now=NOW),
    ]


@pytest.mark.parametrize("number", range(5))
def test_the_document_always_has_the_same_keys(number: int) -> None:
    found = document(every_kind_of_report()[number])
    assert found.keys() == KEYS[""]
    for name, keys in KEYS.items():
        if name and found[name] is not None:
            assert found[name].keys() == keys
    single = [found[name] for name in ("last_refresh", "unsaved") if found[name] is not None]
    assert all(event.keys() == EVENT_KEYS for event in (*found["events"], *single))


def test_only_the_newest_events_are_shown_and_the_oldest_of_them_first() -> None:
    events = [(minutes_ago(99 - each), replace(FAILED, why=f"number {each}")) for each in range(30)]
    report = report_on(LOGIN, (HOUR * 2, REFRESHED), *events)
    assert [entry.event.why for entry in report.events] == [f"number {each}" for each in range(10, 30)]
    # What is not shown still counts.
    assert report.last_refresh is not None


def test_no_secret_and_nothing_that_steers_a_terminal_is_shown_whatever_the_notes_say() -> None:
    why = "refused planted-refresh and planted-access \x1b[31m[bold]red[/bold] Bearer planted-bearer\n"
    tokens = set_back(LOGIN, "planted-refresh", reason=why, now=NOW, wait=HOUR)
    report = report_on(tokens, (HOUR, replace(FAILED, why=why)))
    for text in (screen(report), screen(report, Language.CHINESE), json.dumps(document(report))):
        assert "planted" not in text
        assert "\x1b" not in text
        assert "[bold]red[/bold]" in text

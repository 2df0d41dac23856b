"""The report of `oca status` as one JSON document, whose keys stay as they are."""

from datetime import UTC, datetime

from domain.token_events import HistoryEntry
from domain.words import Language
from entrypoints.status_report import LoginState, StatusReport


def status_document(report: StatusReport, language: Language = Language.ENGLISH) -> dict[str, object]:
    """Every key is always there; times are ISO 8601 in UTC, durations seconds; null is unknown, or does not apply.

    `language` is that of `troubles`, which are for people.
    """
    failure, person = report.failure, report.person
    return {
        "ok": not report.troubles,
        "login": report.login.value,
        "troubles": [each.told_in(language) for each in report.troubles],
        "place": report.place,
        "env_file": {"path": str(report.env_file), "writable": report.store_trouble is None},
        "token_endpoint": report.token_endpoint,
        "client_id": report.client_id,
        "who": None
        if person is None
        else {"sub": person.subject, "name": person.name or None, "email": person.email or None},
        "uses_api_key": report.login is LoginState.API_KEY,
        "access_token": {
            "state": report.access_token.value,
            "expires_at": _time(report.expires_at),
            "expires_in_s": None
            if report.expires_at is None
            else round((report.expires_at - report.now).total_seconds(), 3),
        },
        "refresh_token_fingerprint": report.refresh_token_fingerprint,
        "last_refresh_at": _time(report.last_refresh_at),
        "last_refresh": None if report.last_refresh is None else _event(report.last_refresh),
        "next_refresh_at": _time(report.next_refresh_at),
        "failure": None
        if failure is None
        else {
            "reason": failure.reason,
            "since": _time(failure.since),
            "last_at": _time(failure.last_at),
            "attempts": failure.attempts,
            "next_attempt_at": _time(failure.next_attempt_at),
        },
        "unanswered": {"requests": report.unanswered, "last_at": _time(report.unanswered_at)},
        "unsaved": None if report.unsaved is None else _event(report.unsaved),
        "clock_skew_s": report.clock_skew_seconds,
        "events": [_event(entry) for entry in report.events],
    }


def _event(entry: HistoryEntry) -> dict[str, object]:
    event = entry.event
    return {
        "at": _time(entry.at),
        "kind": event.kind.value,
        "why": event.why,
        "refresh_token_fingerprint": event.refresh_token_fingerprint,
        "rotated": event.rotated,
        "took_s": event.took_seconds,
        "clock_skew_s": event.clock_skew_seconds,
        "pid": entry.pid,
        "program": entry.program,
        "host": entry.host,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()

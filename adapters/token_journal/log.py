"""The events of a login as lines of the program's log."""

import structlog

from domain.token_events import TokenEvent, TokenEventKind

_log = structlog.stdlib.get_logger("oca.token")
_ALARMING = {TokenEventKind.DEAD, TokenEventKind.UNSAVED}


class LogTokenJournal:
    """Implements ports.token_journal.TokenJournal."""

    def record(self, event: TokenEvent) -> None:
        level = "info" if event.kind is TokenEventKind.REFRESHED else "warning"
        details: dict[str, object] = {"fingerprint": event.refresh_token_fingerprint}
        if event.why:
            details["why"] = event.why
        if event.kind is TokenEventKind.REFRESHED:
            details |= {"rotated": event.rotated, "took_s": round(event.took_seconds, 3)}
        getattr(_log, "error" if event.kind in _ALARMING else level)(f"login {event.kind.value}", **details)

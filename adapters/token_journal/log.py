"""The events of a login as lines of the program's log."""

import logging

import structlog

from domain.token_events import TokenEvent, TokenEventKind, clock_skew_warning

# Over the standard library's logger: programs that only import us must not find our lines on their standard output.
_log: structlog.stdlib.BoundLogger = structlog.wrap_logger(logging.getLogger("oca.token"))
_LEVELS = {
    TokenEventKind.REFRESHED: logging.INFO,
    # Somebody else has renewed the login and has said so; there is one of these for each process that waited for it.
    TokenEventKind.ADOPTED: logging.DEBUG,
    TokenEventKind.FAILED: logging.WARNING,
    TokenEventKind.DEAD: logging.ERROR,
    # Commands that tell errors themselves log this alone: it is the only word of it, and the login may be lost.
    TokenEventKind.UNSAVED: logging.CRITICAL,
    TokenEventKind.LOGGED_IN: logging.INFO,
    TokenEventKind.LOGGED_OUT: logging.INFO,
}


class LogTokenJournal:
    """Implements ports.token_journal.TokenJournal. A clock that is far off is told of once."""

    def __init__(self) -> None:
        self._skew_told = False

    def record(self, event: TokenEvent) -> None:
        details: dict[str, object] = {"fingerprint": event.refresh_token_fingerprint}
        if event.why:
            details["why"] = event.why
        if event.kind is TokenEventKind.REFRESHED:
            details |= {"rotated": event.rotated, "took_s": round(event.took_seconds, 3)}
        _log.log(_LEVELS[event.kind], f"login {event.kind.value}", **details)
        skew = clock_skew_warning(event.clock_skew_seconds)
        if skew is not None and not self._skew_told:
            self._skew_told = True
            _log.warning("clock skew", why=str(skew))

"""The history's format: one JSON object in ASCII for each event, on a line of its own."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from domain.redaction import redact_text
from domain.token_events import HistoryEntry, TokenEvent, TokenEventKind

# A line stays short enough to be written in one piece, whatever a server has to say.
_LONGEST_TEXT = 1000


def encode_line(entry: HistoryEntry) -> bytes:
    """The entry as a line, its texts redacted."""
    event = entry.event
    document = {
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": event.kind.value,
        "why": _text(event.why),
        "refresh_token_fingerprint": event.refresh_token_fingerprint,
        "rotated": event.rotated,
        "took_s": round(event.took_seconds, 3),
        "clock_skew_s": event.clock_skew_seconds,
        "pid": entry.pid,
        "program": _text(entry.program),
        "host": _text(entry.host),
    }
    return json.dumps(document).encode("ascii") + b"\n"


def decode_line(line: bytes) -> HistoryEntry | None:
    """The entry that a line is; None for anything else, be it torn, or an event that this version does not know."""
    try:
        document: object = json.loads(line)
        if not isinstance(document, dict):
            return None
        return _entry(cast("Mapping[str, Any]", document))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _entry(document: Mapping[str, Any]) -> HistoryEntry:
    at = datetime.fromisoformat(document["at"])
    if at.tzinfo is None:
        raise ValueError("a time without its offset")
    skew = document.get("clock_skew_s")
    event = TokenEvent(
        kind=TokenEventKind(document["kind"]),
        why=str(document.get("why", "")),
        refresh_token_fingerprint=str(document.get("refresh_token_fingerprint", "")),
        rotated=document.get("rotated") is True,
        took_seconds=float(document.get("took_s", 0)),
        clock_skew_seconds=None if skew is None else float(skew),
    )
    return HistoryEntry(
        event=event,
        at=at.astimezone(UTC),
        pid=int(document["pid"]),
        program=str(document.get("program", "")),
        host=str(document.get("host", "")),
    )


def _text(text: str) -> str:
    """On one line, without what could steer a terminal, and without a secret."""
    return redact_text("".join(c if c.isprintable() else " " for c in text))[:_LONGEST_TEXT]

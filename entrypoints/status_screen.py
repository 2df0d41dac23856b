"""The report of `oca status` for people."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import TextIOWrapper
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.token_events import HistoryEntry, TokenEventKind
from entrypoints.status_report import AccessTokenState, LoginState, StatusReport

_LOGINS = {
    LoginState.FINE: ("fine", "green"),
    LoginState.FAILING: ("the last renewal failed; the login is kept", "yellow"),
    LoginState.DEAD: ("dead: the server has refused it, log in again", "red"),
    LoginState.NONE: ("there is none, log in", "red"),
    LoginState.API_KEY: ("none is needed: LLM_API_KEY is used in its place", "green"),
}
_ACCESS_TOKENS = {
    AccessTokenState.FRESH: "good",
    AccessTokenState.STALE: "good, and due to be renewed",
    AccessTokenState.EXPIRED: "expired",
    AccessTokenState.UNKNOWN: "there is one, and nobody knows how long it lasts",
    AccessTokenState.NONE: "there is none",
}
_EVENT_STYLES = {
    TokenEventKind.REFRESHED: "green",
    TokenEventKind.FAILED: "yellow",
    TokenEventKind.DEAD: "red",
    TokenEventKind.UNSAVED: "red",
}
# A pipe has no width; what reads from it wants each fact on one line.
_PIPE_WIDTH = 1000


def draw(report: StatusReport, file: TextIO) -> None:
    """Write the report: facts, troubles with their mends, the last events. No colour but on a terminal."""
    _forgive_missing_characters(file)
    console = Console(file=file, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, text in _facts(report):
        facts.add_row(label, text)
    console.print(facts)
    for trouble in report.troubles:
        console.print()
        console.print(Text(trouble, style="yellow" if report.exit_code == 0 else "red"))
    if report.events:
        console.print()
        console.print(_event_table(report))


def _forgive_missing_characters(file: TextIO) -> None:
    """A console that lacks a character shows a question mark, and not a traceback."""
    if isinstance(file, TextIOWrapper):
        file.reconfigure(errors="replace")


def _facts(report: StatusReport) -> Iterator[tuple[str, Text]]:
    words, style = _LOGINS[report.login]
    yield "Login", Text(words, style=style)
    if report.login is LoginState.API_KEY:
        yield "Settings", Text(str(report.env_file))
        return
    yield "Kept in", Text(f"{report.place} ({'writable' if report.store_trouble is None else 'cannot be written'})")
    client = f"client {report.client_id}" if report.client_id else "no client id"
    yield "Server", Text(f"{report.token_endpoint or 'unknown'}, {client}")
    yield "Access token", Text(_access_token(report))
    yield "Last renewal", Text(_last_refresh(report))
    if report.next_refresh_at is not None:
        due = "with the next use" if report.next_refresh_at <= report.now else _when(report.next_refresh_at, report.now)
        yield "Next renewal", Text(f"due {due}")
    failure = report.failure
    if failure is not None and failure.next_attempt_at is not None:
        yield (
            "Failing",
            Text(
                f"since {_when(failure.since, report.now)}, {failure.attempts} in a row, last {_local(failure.last_at)}"
            ),
        )
    elif failure is not None:
        yield "Refused", Text(_when(failure.last_at, report.now))
    if report.unanswered_at is not None:
        yield "Unanswered", Text(f"a request of {_when(report.unanswered_at, report.now)}")
    if report.clock_skew_seconds is not None:
        yield "Clock", Text(_clock(report.clock_skew_seconds))


def _access_token(report: StatusReport) -> str:
    words = _ACCESS_TOKENS[report.access_token]
    if report.expires_at is None:
        return words
    until = " since" if report.access_token is AccessTokenState.EXPIRED else ", until"
    return f"{words}{until} {_when(report.expires_at, report.now)}"


def _clock(skew_seconds: float) -> str:
    # The server tells whole seconds, and its answer travels.
    if abs(skew_seconds) < 2:  # noqa: PLR2004
        return "agrees with the server's"
    return f"the server's is {abs(skew_seconds):.0f} s {'ahead' if skew_seconds > 0 else 'behind'}"


def _last_refresh(report: StatusReport) -> str:
    if report.last_refresh_at is None:
        return "none that is known of"
    entry = report.last_refresh
    when = _when(report.last_refresh_at, report.now)
    if entry is None:
        return when
    rotated = "refresh token replaced" if entry.event.rotated else "refresh token kept"
    return f"{when}, by {_who(entry)}, took {entry.event.took_seconds:.2f} s, {rotated}"


def _event_table(report: StatusReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("When", no_wrap=True)
    table.add_column("What", no_wrap=True)
    table.add_column("Who", overflow="fold")
    table.add_column("Details", overflow="fold")
    for entry in report.events:
        kind = entry.event.kind
        what = Text(kind.value, style=_EVENT_STYLES.get(kind, ""))
        table.add_row(_local(entry.at), what, Text(_who(entry)), Text(_details(entry)))
    return table


def _who(entry: HistoryEntry) -> str:
    return f"{entry.program}, pid {entry.pid} on {entry.host}"


def _details(entry: HistoryEntry) -> str:
    event = entry.event
    if event.kind is TokenEventKind.REFRESHED:
        return f"took {event.took_seconds:.2f} s, refresh token {'replaced' if event.rotated else 'kept'}"
    return event.why


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _when(moment: datetime, now: datetime) -> str:
    """The time by the clock on the wall, and how far off it is."""
    zone = moment.astimezone().tzname() or ""
    distance = moment - now
    far = f"in {_span(distance)}" if distance >= timedelta(0) else f"{_span(-distance)} ago"
    return f"{_local(moment)} {zone} ({far})"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004

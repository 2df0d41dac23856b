"""What `oca status` finds out: where a login stands and what has happened to it, without asking anybody.

Nothing is sent or spent, and no token gets into the report. The objects are made here and not by the container, which
knows how to reach servers too and takes longer to import than all of this takes.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from adapters.authorization.discovery_file import FileServerMemory
from adapters.clock.system import SystemClock
from adapters.token_journal.history import FileTokenHistory
from adapters.token_store.env_file import prove_changeable
from adapters.token_store.env_text import EnvTextError
from adapters.token_store.files import Files
from adapters.token_store.troubles import store_error
from config.environment import REFRESH_TOKEN_KEY
from config.settings import Need, Settings, load_settings
from config.stores import token_store
from domain.errors import ConfigurationError, TokenStoreError
from domain.redaction import redact_text
from domain.server_metadata import RememberedServer
from domain.token_events import HistoryEntry, TokenEventKind
from domain.tokens import RefreshPolicy, TokenSet, TokenState, conceal, fingerprint
from domain.words import Text
from entrypoints.status_report import AccessTokenState, Failure, LoginState, StatusReport
from ports.token_journal import TokenHistory
from ports.token_store import TokenStore

SHOWN_EVENTS = 20
_ALL_EVENTS = 10_000


def look(env_file: Path | None) -> StatusReport:
    """The report on the login in this `.env`. Raises ConfigurationError, TokenStoreError."""
    settings, problems = _settings(env_file)
    if settings.oauth_token_store.get_secret_value() != "dotenv":
        # Only libraries of those stores log; what logs is slow to load.
        from config.logging import configure_logging  # noqa: PLC0415

        configure_logging("WARNING", settings.log_format)
    clock = SystemClock()
    return gather(
        settings,
        # Without the seed: it is stored by those who use it, and looking puts no login into a file.
        store=token_store(settings, seeded=False),
        history=FileTokenHistory(env_file=settings.env_file, clock=clock),
        memory=FileServerMemory(env_file=settings.env_file).recall(settings.authorization_server),
        now=clock.now(),
        problems=problems,
    )


def _settings(env_file: Path | None) -> tuple[Settings, tuple[Text, ...]]:
    """The settings as far as there are any, and what is missing but for the login itself, of which the report tells."""
    try:
        return load_settings(Need.LOGIN, env_file=env_file), ()
    except ConfigurationError as error:
        # With a key in its place nothing is asked of a login; what is wrong, and not just missing, is raised again.
        settings = load_settings(Need.LOGIN, env_file=env_file, overrides={"LLM_API_KEY": "in place of a login"})
        missing = tuple(each for each in error.problems if not each.en.startswith(REFRESH_TOKEN_KEY))
        return settings.model_copy(update={"llm_api_key": None}), missing


def gather(
    settings: Settings,
    *,
    store: TokenStore,
    history: TokenHistory,
    now: datetime,
    memory: RememberedServer | None = None,
    problems: tuple[Text, ...] = (),
) -> StatusReport:
    """Ask the store and the history, and draw the conclusions. Raises TokenStoreError when the store cannot be read."""
    known = memory or RememberedServer()
    endpoint = settings.token_endpoint if settings.oauth_host or settings.oauth_token_url else None
    if known.token_endpoint is not None and not settings.oauth_token_url:
        # What `oca login` has learnt; renewals go there too.
        endpoint = known.token_endpoint
    if settings.llm_api_key is not None:
        return StatusReport(now=now, env_file=settings.env_file, login=LoginState.API_KEY, mend=settings.mend)
    tokens = store.load()
    if tokens.refresh_token is None and settings.seed_refresh_token is not None:
        tokens = replace(tokens, refresh_token=settings.seed_refresh_token.get_secret_value())
    secrets = [token for token in (tokens.refresh_token, tokens.access_token) if token]
    entries = [_harmless(entry, secrets) for entry in history.recent(_ALL_EVENTS)]
    fetched = {TokenEventKind.REFRESHED, TokenEventKind.LOGGED_IN}
    refreshes = [entry for entry in entries if entry.event.kind in fetched]
    last = refreshes[-1] if refreshes else None
    name = None if tokens.refresh_token is None else fingerprint(tokens.refresh_token)
    failure = _failure(tokens, name, entries, secrets)
    access_token = _access_token_state(tokens, now)
    return StatusReport(
        now=now,
        env_file=settings.env_file,
        place=settings.login_place,
        login=_login_state(name, access_token, failure),
        mend=settings.mend,
        token_endpoint=None if endpoint is None else redact_text(endpoint),
        client_id=settings.oauth_client_id,
        person=None if name is None else known.person,
        problems=problems,
        store_trouble=_store_trouble(store, settings),
        access_token=access_token,
        expires_at=tokens.expires_at if tokens.access_token else None,
        refresh_token_fingerprint=name,
        last_refresh_at=tokens.issued_at if last is None else last.at,
        last_refresh=last,
        next_refresh_at=_next_refresh_at(tokens, failure, now),
        failure=failure,
        unanswered=tokens.unanswered,
        unanswered_at=tokens.attempt.at if tokens.attempt is not None and tokens.unanswered else None,
        unsaved=_unsaved(entries, name),
        clock_skew_seconds=None if last is None else last.event.clock_skew_seconds,
        events=tuple(entries[-SHOWN_EVENTS:]),
    )


def _harmless(entry: HistoryEntry, secrets: Collection[str]) -> HistoryEntry:
    """The entry without these secrets: a history can be edited, and a server can say anything."""
    return replace(
        entry,
        event=replace(entry.event, why=_harmless_text(entry.event.why, secrets)),
        program=_harmless_text(entry.program, secrets),
        host=_harmless_text(entry.host, secrets),
    )


def _harmless_text(text: str, secrets: Collection[str]) -> str:
    """On one line, without what could steer a terminal, and without a secret."""
    return redact_text(conceal("".join(c if c.isprintable() else " " for c in text), secrets))


def _store_trouble(store: TokenStore, settings: Settings) -> str | Text | None:
    try:
        store.prove_storable()
    except TokenStoreError as error:
        return error.text
    return store.trouble() or _file_trouble(settings)


def _file_trouble(settings: Settings) -> Text | None:
    """Why `.env` cannot be written, where a login that is renewed would be kept in its journal."""
    path = settings.env_file.resolve()
    if settings.oauth_token_store.get_secret_value() != "dotenv" or not path.is_file():
        return None
    try:
        prove_changeable(Files(), path)
    except (OSError, EnvTextError) as error:
        return store_error("be written to", settings.env_file, error).text
    return None


def _access_token_state(tokens: TokenSet, now: datetime) -> AccessTokenState:
    if tokens.access_token is None:
        return AccessTokenState.NONE
    if tokens.expires_at is None:
        return AccessTokenState.UNKNOWN
    match tokens.state(now, RefreshPolicy()):
        case TokenState.FRESH:
            return AccessTokenState.FRESH
        case TokenState.STALE:
            return AccessTokenState.STALE
        case TokenState.EXPIRED:
            return AccessTokenState.EXPIRED


def _login_state(name: str | None, access_token: AccessTokenState, failure: Failure | None) -> LoginState:
    if name is None:
        # An access token that was pasted alone works while it lasts.
        works = access_token not in {AccessTokenState.EXPIRED, AccessTokenState.NONE}
        return LoginState.FINE if works else LoginState.NONE
    if failure is None:
        return LoginState.FINE
    return LoginState.DEAD if failure.next_attempt_at is None else LoginState.FAILING


def _failure(
    tokens: TokenSet, name: str | None, entries: Collection[HistoryEntry], secrets: Collection[str]
) -> Failure | None:
    setback = tokens.setback
    if setback is None or setback.fingerprint != name:
        return None
    since = setback.at
    for entry in reversed([*entries]):
        if entry.event.kind is TokenEventKind.REFRESHED:
            break
        if entry.event.kind is TokenEventKind.FAILED and entry.event.refresh_token_fingerprint == name:
            since = min(since, entry.at)
    return Failure(
        reason=_harmless_text(setback.reason, secrets),
        since=since,
        last_at=setback.at,
        attempts=setback.attempts,
        next_attempt_at=setback.until,
    )


def _next_refresh_at(tokens: TokenSet, failure: Failure | None, now: datetime) -> datetime | None:
    """From when on the next use renews the login; some processes come a little later than this."""
    if tokens.refresh_token is None or (failure is not None and failure.next_attempt_at is None):
        return None
    ends_at = tokens.expires_at if tokens.access_token is not None else None
    due = now if ends_at is None else ends_at - RefreshPolicy().lead(tokens.lifetime)
    return due if failure is None or failure.next_attempt_at is None else max(due, failure.next_attempt_at)


def _unsaved(entries: Collection[HistoryEntry], name: str | None) -> HistoryEntry | None:
    """The newest event of a replaced refresh token that was not stored, if the spent one is what the store holds.

    A pair that was stored after all leaves no event, but another refresh token.
    """
    newest: HistoryEntry | None = None
    for entry in entries:
        event = entry.event
        if event.kind is TokenEventKind.UNSAVED:
            newest = entry
        elif newest is not None and event.kind is TokenEventKind.REFRESHED:
            same = event.refresh_token_fingerprint == newest.event.refresh_token_fingerprint
            # Each event of an unsaved pair is followed by that of its refresh; kept, the refresh token is not spent.
            if not same or not event.rotated:
                newest = None
    return newest if newest is not None and newest.event.refresh_token_fingerprint == name else None

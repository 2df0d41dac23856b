"""One refresh, under the store's lock: the most dangerous minute of a login.

What is durable before what: the attempt before the request leaves, the bought pair before anyone gets it. A request
whose outcome is unknown is repeated once at once, since a server that forgives does so for seconds; a definite refusal
a few times; then the login rests for a growing while. Only the server's own word makes a refresh token dead.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.effects import Flow, LoadTokens, Pause, ProveStorable, ReadClock, RecallServer, Report, SaveTokens
from domain.errors import (
    Cause,
    CertificateError,
    NotConnectedError,
    TokenEndpointUnavailableError,
    TokenStoreError,
    TransportError,
)
from domain.http import HttpResponse, Timeouts, http_date
from domain.oauth2 import (
    TRY_LATER,
    AnswerKind,
    OAuth2Client,
    TokenAnswer,
    read_answer,
    refresh_request,
    renew,
)
from domain.refresh_failures import (
    error_of,
    is_refused_client,
    no_refresh_token,
    not_renewed,
    refused_client,
    refused_token,
    told_attempt,
)
from domain.routes import over_routes_flow
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import (
    RefreshPolicy,
    TokenSet,
    TokenState,
    begin_attempt,
    fingerprint,
    refuse,
    set_back,
    settle_attempt,
)
from domain.words import Text

# A token endpoint's answer is some kilobytes; more is not one.
MAX_TOKEN_ANSWER_BYTES = 256 * 1024
LONGEST_RETRY_AFTER = timedelta(hours=1)
# Those who wait for a token wait through these pauses, each stretched by up to a half.
PAUSES = tuple(timedelta(seconds=s) for s in (0.2, 0.6, 1.2))
LONGEST_OBEYED_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login to be kept alive. `mend` tells a person how to log in again; it ends every message that asks for it.

    `server` is the address of the authorization server whose token endpoint `oca login` may have learnt; None where
    the endpoint is a setting.
    `allow_unstorable` lets a refresh token be spent although its successor could be kept in memory only.
    """

    client: OAuth2Client
    policy: RefreshPolicy
    timeouts: Timeouts
    mend: str | Text
    allow_unstorable: bool = False
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a refresh is for; see `refresh_flow`."""

    rejected: str | None = field(default=None, repr=False)
    idle: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What became of one request: an answer, or the words of why there is none."""

    answer: TokenAnswer
    retry_after: timedelta = timedelta(0)
    clock_skew: timedelta | None = None
    repeatable: bool = False
    cause: TransportError | None = None


def refresh_flow(login: Login, *, rejected: str | None = None, idle: timedelta | None = None) -> Flow[TokenSet]:
    """Renew the token set; to be run under the store's lock. Raises TokenError.

    Nothing is sent when another worker has done it meanwhile: when the token is FRESH and not the `rejected` one, or,
    with `idle`, when the refresh token was used more recently than that.
    """
    # Loaded again: another worker may have renewed it while we waited for the lock.
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    if _is_good(tokens, now, login, _Wish(rejected=rejected, idle=idle)):
        yield from Report(TokenEvent(kind=TokenEventKind.ADOPTED))
        return tokens
    refresh_token = tokens.refresh_token
    if refresh_token is None:
        raise no_refresh_token(login.mend)
    setback = tokens.current_setback(now)
    if setback is not None:
        if setback.until is None or setback.until - now > LONGEST_OBEYED_PAUSE or is_refused_client(setback):
            raise error_of(setback, login.mend, now)
        # Whoever runs this waits for a token: better a moment longer than in vain.
        yield from Pause(setback.until - now)
    if not login.allow_unstorable:
        yield from ProveStorable()
    return (yield from _spend(login, tokens, refresh_token, _Wish(rejected=rejected, idle=idle)))


def _is_good(tokens: TokenSet, now: datetime, login: Login, wish: _Wish) -> bool:
    if wish.idle is not None:
        last = tokens.idle_for(now)
        return last is not None and last < wish.idle
    return tokens.access_token != wish.rejected and tokens.state(now, login.policy) is TokenState.FRESH


def _spend(login: Login, tokens: TokenSet, refresh_token: str, wish: _Wish) -> Flow[TokenSet]:
    pauses = iter(PAUSES)
    while True:
        begun = yield from ReadClock()
        yield from SaveTokens(begin_attempt(tokens, refresh_token, now=begun))
        outcome = yield from _ask(login, refresh_token)
        if outcome.answer.kind is AnswerKind.GRANTED:
            renewed = yield from _granted(tokens, refresh_token, outcome, begun)
            # Loaded once more: a person may have pasted another login while the server answered. That one counts.
            tokens = yield from LoadTokens()
            if tokens.refresh_token in (renewed.refresh_token, None):
                return renewed
            return (yield from refresh_flow(login, rejected=wish.rejected, idle=wish.idle))
        tokens = yield from LoadTokens()
        if tokens.refresh_token != refresh_token:
            return (yield from refresh_flow(login, rejected=wish.rejected, idle=wish.idle))
        if outcome.answer.kind is not AnswerKind.UNKNOWN:
            tokens = settle_attempt(tokens)
        pause = _pause_before_repeating(login, tokens, outcome, pauses)
        if pause is None:
            return (yield from _give_up(login, tokens, refresh_token, outcome))
        yield from Pause(pause)


def _ask(login: Login, refresh_token: str) -> Flow[_Outcome]:
    request = refresh_request((yield from _client_flow(login)), refresh_token)
    try:
        response = yield from over_routes_flow(request, login.timeouts, max_bytes=MAX_TOKEN_ANSWER_BYTES)
    except TransportError as error:
        unsent = isinstance(error, NotConnectedError)
        kind = AnswerKind.UNAVAILABLE if unsent else AnswerKind.UNKNOWN
        repeatable = unsent and not isinstance(error, CertificateError)
        return _Outcome(answer=TokenAnswer(kind=kind, why=str(error)), repeatable=repeatable, cause=error)
    now = yield from ReadClock()
    server_time = http_date(response.header("Date"))
    return _Outcome(
        answer=read_answer(response, secrets=_secrets(login, refresh_token)),
        retry_after=_retry_after(response, server_time or now),
        clock_skew=None if server_time is None else server_time - now,
        repeatable=response.status in TRY_LATER,
    )


def _client_flow(login: Login) -> Flow[OAuth2Client]:
    """The client at the endpoint that issued the login; asked for each time, since another process may log in."""
    if login.server is None:
        return login.client
    learnt = (yield from RecallServer(login.server)).token_endpoint
    return login.client if learnt is None else replace(login.client, token_endpoint=learnt)


def _secrets(login: Login, refresh_token: str) -> tuple[str, ...]:
    secret = login.client.client_secret
    return (refresh_token,) if secret is None else (refresh_token, secret)


def _pause_before_repeating(
    login: Login, tokens: TokenSet, outcome: _Outcome, pauses: Iterator[timedelta]
) -> timedelta | None:
    """How long to wait before the same request is sent again now; None: not now."""
    if outcome.answer.refresh_token is not None:
        return None
    if outcome.answer.kind is AnswerKind.UNKNOWN:
        return timedelta(0) if tokens.unanswered == 1 else None
    if not outcome.repeatable or outcome.retry_after > LONGEST_OBEYED_PAUSE:
        return None
    pause = next(pauses, None)
    return None if pause is None else max(pause * (1 + login.policy.jitter / 2), outcome.retry_after)


def _granted(tokens: TokenSet, refresh_token: str, outcome: _Outcome, begun: datetime) -> Flow[TokenSet]:
    now = yield from ReadClock()
    renewed = renew(tokens, outcome.answer, begun=begun, now=now)
    name = fingerprint(refresh_token)
    yield from _save_pair(renewed, name)
    yield from Report(
        TokenEvent(
            kind=TokenEventKind.REFRESHED,
            refresh_token_fingerprint=name,
            rotated=renewed.refresh_token != refresh_token,
            took_seconds=(now - begun).total_seconds(),
            clock_skew_seconds=None if outcome.clock_skew is None else outcome.clock_skew.total_seconds(),
        )
    )
    return renewed


def _save_pair(tokens: TokenSet, name: str) -> Flow[None]:
    """Make a bought pair durable. Where that fails, the store keeps it in memory: it is the only one that works."""
    try:
        yield from SaveTokens(tokens)
    except TokenStoreError as error:
        yield from Report(TokenEvent(kind=TokenEventKind.UNSAVED, why=str(error), refresh_token_fingerprint=name))


def _give_up(login: Login, tokens: TokenSet, refresh_token: str, outcome: _Outcome) -> Flow[TokenSet]:
    now = yield from ReadClock()
    answer = outcome.answer
    name = fingerprint(refresh_token)
    if answer.kind is AnswerKind.LOGIN_REQUIRED:
        why = answer.text + told_attempt(tokens.attempt)
        yield from SaveTokens(refuse(tokens, refresh_token, reason=why.en, now=now))
        yield from Report(TokenEvent(kind=TokenEventKind.DEAD, why=why.en, refresh_token_fingerprint=name))
        raise refused_token(why, login.mend)
    yield from Report(TokenEvent(kind=TokenEventKind.FAILED, why=answer.why, refresh_token_fingerprint=name))
    if answer.refresh_token is not None:
        # No access token came, but the refresh token has been replaced: the old one is spent.
        tokens = replace(tokens, refresh_token=answer.refresh_token, attempt=None, setback=None)
        yield from _save_pair(tokens, name)
    unspent = answer.refresh_token or refresh_token
    yield from SaveTokens(set_back(tokens, unspent, reason=answer.why, now=now, wait=outcome.retry_after))
    if answer.kind is AnswerKind.MISCONFIGURED:
        raise refused_client(answer.why)
    wait = outcome.retry_after
    raise TokenEndpointUnavailableError(
        not_renewed(
            answer.text if outcome.cause is None else outcome.cause.text,
            cause=outcome.cause,
            connect_limit=login.timeouts.connect,
            again_at=now + wait if wait else None,
        ),
        retry_after=wait or None,
        may_pass=wait <= LONGEST_OBEYED_PAUSE and (outcome.repeatable or answer.kind is AnswerKind.UNKNOWN),
        cause=Cause.OTHER if outcome.cause is None else outcome.cause.cause,
    ) from outcome.cause


def _retry_after(response: HttpResponse, now: datetime) -> timedelta:
    """Retry-After, as seconds or as a date (RFC 9110 section 10.2.3); zero when there is none.

    `now` is the server's own time where it tells it, so that a skewed clock of ours does not count.
    """
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(int(value[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    else:
        moment = http_date(value)
        wait = timedelta(0) if moment is None else moment - now
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)

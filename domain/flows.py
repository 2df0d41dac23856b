"""The use cases of the token lifecycle: which step follows which, and what follows from each failure.

`access_token_flow` is what every caller runs; `refresh_flow` is the inner part that runs under the store's lock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from domain.effects import (
    Exclusively,
    Flow,
    InBackground,
    LoadTokens,
    ProveStorable,
    ReadClock,
    ReadRoutes,
    RememberRoute,
    Report,
    SaveTokens,
    Send,
)
from domain.errors import (
    CertificateError,
    LoginRequiredError,
    NotConnectedError,
    ResponseTooLargeError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TokenStoreError,
    TransportError,
)
from domain.http import HttpRequest, HttpResponse, Timeouts
from domain.oauth2 import AnswerKind, OAuth2Client, TokenAnswer, read_answer, refresh_request, renew
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import RefreshPolicy, Setback, TokenSet, TokenState, fingerprint, refuse, set_back

# A token endpoint's answer is some kilobytes; more is not one.
MAX_TOKEN_ANSWER_BYTES = 256 * 1024
LONGEST_RETRY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login to be kept alive. `mend` tells a person how to log in again; it ends every message that asks for it."""

    client: OAuth2Client
    policy: RefreshPolicy
    timeouts: Timeouts
    mend: str


def access_token_flow(login: Login, *, rejected: str | None = None) -> Flow[str]:
    """A valid access token. `rejected` is one that the upstream has just refused, however long it should last.

    Raises TokenError.
    """
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    state = tokens.state(now, login.policy)
    held = None if tokens.access_token == rejected else tokens.access_token
    if held is not None:
        if state is TokenState.FRESH:
            return held
        if state is TokenState.STALE:
            if tokens.refresh_token is not None and tokens.current_setback(now) is None:
                yield from InBackground(refresh_flow(login))
            return held
        if tokens.expires_at is None and tokens.refresh_token is None:
            # Pasted by hand, without its end: the upstream will tell when it is over.
            return held
    try:
        return (yield from _renewed_token(login, rejected))
    except TokenError:
        if held is not None and tokens.expires_at is not None and now < tokens.expires_at:
            return held
        raise


def _renewed_token(login: Login, rejected: str | None) -> Flow[str]:
    # Twice, because a refresh shared with others may have begun before this token was rejected.
    for _ in range(2):
        tokens = yield from Exclusively(refresh_flow(login, rejected=rejected))
        if tokens.access_token is not None and tokens.access_token != rejected:
            return tokens.access_token
    raise TokenEndpointUnavailableError(
        "The token endpoint issued once more the access token that the upstream has just refused. "
        "Check that OAUTH_CLIENT_ID and LLM_API_URL belong together."
    )


def refresh_flow(login: Login, *, rejected: str | None = None) -> Flow[TokenSet]:
    """Renew the token set; to be run under the store's lock. Raises TokenError."""
    # Loaded again: another worker may have renewed it while we waited for the lock.
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    if tokens.access_token != rejected and tokens.state(now, login.policy) is TokenState.FRESH:
        return tokens
    refresh_token = tokens.refresh_token
    if refresh_token is None:
        raise LoginRequiredError(f"There is no refresh token, so no access token can be bought. {login.mend}")
    setback = tokens.current_setback(now)
    if setback is not None:
        raise _error_of(setback, login, now)
    yield from ProveStorable()
    return (yield from _spend(login, tokens, refresh_token, now))


def _spend(login: Login, tokens: TokenSet, refresh_token: str, begun: datetime) -> Flow[TokenSet]:
    name = fingerprint(refresh_token)
    request = refresh_request(login.client, refresh_token)
    try:
        response = yield from over_routes_flow(request, login.timeouts, max_bytes=MAX_TOKEN_ANSWER_BYTES)
    except TransportError as error:
        now = yield from ReadClock()
        yield from SaveTokens(set_back(tokens, refresh_token, reason=str(error), now=now, wait=timedelta(0)))
        yield from Report(TokenEvent(kind=TokenEventKind.FAILED, why=str(error), refresh_token_fingerprint=name))
        raise TokenEndpointUnavailableError(f"The access token could not be renewed: {error}") from error
    answer = read_answer(response)
    now = yield from ReadClock()
    if answer.kind is not AnswerKind.GRANTED:
        return (yield from _not_granted(login, refresh_token, response, answer))
    renewed = renew(tokens, answer, now)
    yield from _save_pair(renewed, name)
    yield from Report(
        TokenEvent(
            kind=TokenEventKind.REFRESHED,
            refresh_token_fingerprint=name,
            rotated=renewed.refresh_token != refresh_token,
            took_seconds=(now - begun).total_seconds(),
        )
    )
    return renewed


def _save_pair(tokens: TokenSet, name: str) -> Flow[None]:
    """Make a bought pair durable. Where that fails, the store keeps it in memory: it is the only one that works."""
    try:
        yield from SaveTokens(tokens)
    except TokenStoreError as error:
        yield from Report(TokenEvent(kind=TokenEventKind.UNSAVED, why=str(error), refresh_token_fingerprint=name))


def _not_granted(login: Login, refresh_token: str, response: HttpResponse, answer: TokenAnswer) -> Flow[TokenSet]:
    # Loaded once more: a person may have pasted a new refresh token while the server answered.
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    if tokens.refresh_token != refresh_token:
        return (yield from refresh_flow(login))
    name = fingerprint(refresh_token)
    if answer.kind is AnswerKind.LOGIN_REQUIRED:
        yield from SaveTokens(refuse(tokens, refresh_token, reason=answer.why, now=now))
        yield from Report(TokenEvent(kind=TokenEventKind.DEAD, why=answer.why, refresh_token_fingerprint=name))
        raise LoginRequiredError(f"The authorization server refused the refresh token ({answer.why}). {login.mend}")
    wait = _retry_after(response, now)
    yield from Report(TokenEvent(kind=TokenEventKind.FAILED, why=answer.why, refresh_token_fingerprint=name))
    if answer.refresh_token is not None:
        # No access token came, but the refresh token has been replaced: the old one is spent.
        tokens = TokenSet(
            refresh_token=answer.refresh_token,
            access_token=tokens.access_token,
            expires_at=tokens.expires_at,
            issued_at=tokens.issued_at,
        )
        yield from _save_pair(tokens, name)
    spent_next = answer.refresh_token or refresh_token
    yield from SaveTokens(set_back(tokens, spent_next, reason=answer.why, now=now, wait=wait))
    if answer.kind is AnswerKind.MISCONFIGURED:
        raise TokenEndpointError(
            f"The authorization server refused this client ({answer.why}). "
            "Check OAUTH_CLIENT_ID and OAUTH_HOST (or OAUTH_TOKEN_URL).",
            error=answer.error,
            status=response.status,
        )
    raise TokenEndpointUnavailableError(
        f"The access token could not be renewed: the token endpoint answered with {answer.why}. "
        "The login is kept; it is tried again with the next request.",
        retry_after=wait or None,
    )


def _error_of(setback: Setback, login: Login, now: datetime) -> TokenError:
    if setback.until is None:
        return LoginRequiredError(
            f"The authorization server refused this refresh token at {setback.at:%Y-%m-%d %H:%M:%S} UTC "
            f"({setback.reason}); it is not asked again. {login.mend}"
        )
    return TokenEndpointUnavailableError(
        f"The access token could not be renewed: {setback.reason}. "
        f"The next attempt is due at {setback.until:%H:%M:%S} UTC.",
        retry_after=setback.until - now,
    )


def over_routes_flow(
    request: HttpRequest, timeouts: Timeouts, *, max_bytes: int, repeatable: bool = False
) -> Flow[HttpResponse]:
    """A quick call over the route that worked last, else over the other, remembering which one works.

    The other route is tried when the request provably never left; a `repeatable` request also after other failures.
    A refresh is not repeatable: a rotated token must not be asked for twice. Raises TransportError.
    """
    failures: list[TransportError] = []
    for route in (yield from ReadRoutes()):
        try:
            response = yield from Send(request=request, route=route, timeouts=timeouts, max_bytes=max_bytes)
        except (CertificateError, ResponseTooLargeError):
            raise
        except TransportError as error:
            failures.append(error)
            if not (repeatable or isinstance(error, NotConnectedError)):
                raise
        else:
            yield from RememberRoute(route)
            return response
    yield from RememberRoute(None)
    raise _combined(failures)


def _combined(failures: list[TransportError]) -> TransportError:
    if len(failures) == 1:
        return failures[0]
    words = "; ".join(str(failure).rstrip(".") for failure in failures)
    timed_out = any(isinstance(failure, NotConnectedError) and failure.timed_out for failure in failures)
    return NotConnectedError(words, timed_out=timed_out)


def _retry_after(response: HttpResponse, now: datetime) -> timedelta:
    """Retry-After, as seconds or as a date (RFC 9110 section 10.2.3); zero when there is none."""
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(int(value[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return timedelta(0)
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)

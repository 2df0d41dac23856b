"""The use cases of a person who logs in: find the server, get a pair of tokens in one of four ways, store it.

The login that there was stays as it is until the new one has come, whole and with a refresh token. The new one is then
stored in one step under the store's lock, beside whatever renews the old one meanwhile; running servers see it with
their next look at the store.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.authorization import AuthorizationAttempt, code_request
from domain.device_grant import (
    DeviceGrant,
    Pace,
    denied,
    device_request,
    device_token_request,
    expired,
    read_device_answer,
)
from domain.effects import (
    Exclusively,
    Flow,
    LoadTokens,
    Pause,
    ProveStorable,
    ReadClock,
    RememberServer,
    Report,
    SaveTokens,
)
from domain.errors import CertificateError, TokenStoreError, TransportError
from domain.http import HttpRequest, HttpResponse, http_date
from domain.id_token import id_token_in, read_id_token
from domain.known_server import KnownServer, LoginPlan
from domain.login_failures import no_refresh_token, not_granted, unreachable
from domain.oauth2 import AnswerKind, TokenAnswer, read_answer, refresh_request, renew
from domain.refreshing import MAX_TOKEN_ANSWER_BYTES, refresh_flow
from domain.routes import over_routes_flow
from domain.server_metadata import MAX_METADATA_BYTES, Person
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import TokenSet, fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A login that is stored. `unremembered` is why its token endpoint could not be kept in mind."""

    tokens: TokenSet
    token_endpoint: str
    person: Person | None = None
    clock_skew: timedelta | None = None
    unremembered: TokenStoreError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One exchange with the token endpoint, and when it took place."""

    response: HttpResponse
    answer: TokenAnswer
    begun: datetime
    now: datetime

    @property
    def server_time(self) -> datetime | None:
        return http_date(self.response.header("Date"))

    @property
    def clock_skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours."""
        return None if self.server_time is None else self.server_time - self.now


@dataclass(slots=True, kw_only=True)
class _Told:
    """What a flow under the lock has to tell besides the tokens."""

    person: Person | None = None
    clock_skew: timedelta | None = None
    unremembered: TokenStoreError | None = None


def prove_storable_flow(plan: LoginPlan) -> Flow[None]:
    """Make sure, before a person does anything, that the new login can be stored. Raises TokenStoreError."""
    if not plan.login.allow_unstorable:
        yield from ProveStorable()


def redeem_code_flow(plan: LoginPlan, known: KnownServer, attempt: AuthorizationAttempt, code: str) -> Flow[LoggedIn]:
    """Buy the pair with an authorization code, and store it. Raises TokenError."""
    request = code_request(known.client, code, attempt)
    try:
        # Sent once: a code is good for one request, and a second one makes a server revoke what the first has bought.
        asked = yield from _ask_flow(plan, request, code, attempt.code_verifier)
    except TransportError as error:
        raise unreachable(error, plan.login.timeouts) from error
    return (yield from _keep_flow(plan, known, asked, nonce=attempt.nonce))


def request_device_flow(plan: LoginPlan, known: KnownServer) -> Flow[DeviceGrant]:
    """What the person is to enter, and where. Raises TokenError."""
    endpoint = known.endpoints.device or ""
    request = device_request(known.client, endpoint, scope=plan.scope, response_type=plan.device_response_type)
    try:
        response = yield from over_routes_flow(request, plan.discovery, max_bytes=MAX_METADATA_BYTES, repeatable=True)
    except TransportError as error:
        raise unreachable(error, plan.login.timeouts) from error
    return read_device_answer(response, endpoint=endpoint, now=(yield from ReadClock()))


def await_device_flow(plan: LoginPlan, known: KnownServer, grant: DeviceGrant) -> Flow[LoggedIn]:
    """Ask until the person has said yes or no (RFC 8628 section 3.5), and store the pair. Raises TokenError.

    A network that fails in between is waited out, more and more slowly, until the code expires.
    """
    pace = Pace.of(grant)
    while True:
        left = grant.expires_at - (yield from ReadClock())
        if left <= timedelta(0):
            raise expired()
        yield from Pause(min(pace.wait, left))
        asked: _Asked | None = None
        try:
            asked = yield from _ask_flow(plan, device_token_request(known.client, grant), grant.device_code)
        except CertificateError as error:
            raise unreachable(error, plan.login.timeouts) from error
        except TransportError:
            pass
        again = pace.after(None if asked is None else asked.answer)
        if again is not None:
            pace = again
        elif asked is not None:
            break
    if asked.answer.error == "access_denied":
        raise denied()
    if asked.answer.error == "expired_token":
        raise expired()
    return (yield from _keep_flow(plan, known, asked, nonce=None))


def prove_refresh_token_flow(plan: LoginPlan, known: KnownServer, refresh_token: str) -> Flow[LoggedIn]:
    """Take over a refresh token that a person has brought: it counts once it has bought a pair. Raises TokenError."""
    told = _Told(person=known.memory.person)
    tokens = yield from Exclusively(_prove_flow(plan, known, refresh_token, told))
    return _logged_in(known, tokens, told)


def _prove_flow(plan: LoginPlan, known: KnownServer, refresh_token: str, told: _Told) -> Flow[TokenSet]:
    tokens = yield from LoadTokens()
    if tokens.refresh_token == refresh_token:
        # It is the stored one: a renewal, with all the care that one takes.
        yield from _remember_flow(plan, known, told)
        login = replace(plan.login, client=known.client, server=None)
        return (yield from refresh_flow(login, rejected=tokens.access_token))
    yield from prove_storable_flow(plan)
    asked = yield from _spend_flow(plan, known, refresh_token)
    _require_grant(known, asked, nonce=None, told=told)
    pair = renew(TokenSet(refresh_token=refresh_token), asked.answer, begun=asked.begun, now=asked.now)
    return (yield from _store_flow(plan, known, pair, asked, told))


def _spend_flow(plan: LoginPlan, known: KnownServer, refresh_token: str) -> Flow[_Asked]:
    """Send a refresh token that is not stored; once more at once where the answer was lost, as a renewal does."""
    sent = refresh_token
    try:
        asked = yield from _ask_flow(plan, refresh_request(known.client, sent), sent)
    except CertificateError as error:
        raise unreachable(error, plan.login.timeouts) from error
    except TransportError:
        pass
    else:
        if asked.answer.kind is not AnswerKind.UNKNOWN:
            return asked
        # It may have been replaced without an access token: the old one must not be shown again.
        sent = asked.answer.refresh_token or sent
    try:
        return (yield from _ask_flow(plan, refresh_request(known.client, sent), sent))
    except TransportError as error:
        raise unreachable(error, plan.login.timeouts) from error


def _keep_flow(plan: LoginPlan, known: KnownServer, asked: _Asked, *, nonce: str | None) -> Flow[LoggedIn]:
    told = _Told()
    _require_grant(known, asked, nonce=nonce, told=told)
    if asked.answer.refresh_token is None:
        raise no_refresh_token(plan.scope, plan.prompt)
    pair = renew(TokenSet(), asked.answer, begun=asked.begun, now=asked.now)
    tokens = yield from Exclusively(_store_flow(plan, known, pair, asked, told))
    return _logged_in(known, tokens, told)


def _require_grant(known: KnownServer, asked: _Asked, *, nonce: str | None, told: _Told) -> None:
    """Raise TokenError unless this answer grants tokens, to the client and in the login that are meant."""
    if asked.answer.kind is not AnswerKind.GRANTED:
        raise not_granted(asked.answer, known.client.token_endpoint)
    id_token = id_token_in(asked.response.body)
    if id_token is not None:
        # Judged by the server's own clock: ours may be wrong, and that is told elsewhere.
        now = asked.server_time or asked.now
        told.person = read_id_token(
            id_token, issuer=known.issuer, client_id=known.client.client_id, nonce=nonce, now=now
        )
    told.clock_skew = asked.clock_skew


def _store_flow(plan: LoginPlan, known: KnownServer, pair: TokenSet, asked: _Asked, told: _Told) -> Flow[TokenSet]:
    """Under the lock. First where the login is renewed, then the login: who sees the new one finds its endpoint."""
    yield from LoadTokens()
    yield from _remember_flow(plan, known, told)
    try:
        yield from SaveTokens(pair)
    except TokenStoreError:
        # Somebody has put another login there in this very moment; the one that has just been asked for comes last.
        if (yield from LoadTokens()).refresh_token == pair.refresh_token:
            raise
        yield from SaveTokens(pair)
    skew = asked.clock_skew
    yield from Report(
        TokenEvent(
            kind=TokenEventKind.LOGGED_IN,
            refresh_token_fingerprint=fingerprint(pair.refresh_token or ""),
            rotated=True,
            took_seconds=(asked.now - asked.begun).total_seconds(),
            clock_skew_seconds=None if skew is None else skew.total_seconds(),
        )
    )
    return pair


def _remember_flow(plan: LoginPlan, known: KnownServer, told: _Told) -> Flow[None]:
    # Only what was learnt: an endpoint that is a setting must not outlive the setting.
    learnt = None if plan.server.configured.token else known.client.token_endpoint
    memory = replace(known.memory, token_endpoint=learnt, person=told.person)
    try:
        yield from RememberServer(plan.server.address, memory)
    except TokenStoreError as error:
        told.unremembered = error


def _ask_flow(plan: LoginPlan, request: HttpRequest, *sent: str) -> Flow[_Asked]:
    """One question to the token endpoint. Raises TransportError."""
    begun = yield from ReadClock()
    response = yield from over_routes_flow(request, plan.login.timeouts, max_bytes=MAX_TOKEN_ANSWER_BYTES)
    now = yield from ReadClock()
    secret = plan.login.client.client_secret
    secrets = sent if secret is None else (*sent, secret)
    return _Asked(response=response, answer=read_answer(response, secrets=secrets), begun=begun, now=now)


def _logged_in(known: KnownServer, tokens: TokenSet, told: _Told) -> LoggedIn:
    return LoggedIn(
        tokens=tokens,
        token_endpoint=known.client.token_endpoint,
        person=told.person,
        clock_skew=told.clock_skew,
        unremembered=told.unremembered,
    )

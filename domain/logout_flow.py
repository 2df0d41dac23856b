"""The use case of a person who logs out: revoke the tokens at the server, where that is asked for, and forget them."""

from dataclasses import dataclass, field, replace
from enum import Enum

from domain.effects import Exclusively, Flow, LoadTokens, RecallServer, RememberServer, Report, SaveTokens
from domain.errors import TokenError, TokenStoreError, TransportError
from domain.known_server import KnownServer, LoginPlan
from domain.login_failures import unreachable
from domain.revocation import RevocationAnswer, RevocationKind, read_revocation, revocation_request
from domain.routes import over_routes_flow
from domain.server_metadata import MAX_METADATA_BYTES
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import TokenSet, fingerprint
from domain.words import Text


class Revocation(Enum):
    """What has become of the tokens at the server."""

    NOT_ASKED = "not_asked"
    REVOKED = "revoked"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(slots=True, kw_only=True)
class LoggedOut:
    """What a logout has done. `had_login` is whether there was one, `why` is why nothing was revoked.

    A server that cannot be reached keeps the login where it is: its refresh token is what revokes it, later.
    """

    had_login: bool = False
    cleared: bool = False
    revocation: Revocation = Revocation.NOT_ASKED
    why: Text = field(default=Text("", ""))


def logout_flow(plan: LoginPlan | None, known: KnownServer | None, *, address: str) -> Flow[LoggedOut]:
    """Clear the login, once it is revoked where the server is `known`. Raises TokenStoreError.

    `address` is the authorization server's, of which whose login it was is forgotten.
    """
    told = LoggedOut()
    yield from Exclusively(_logout_flow(plan, known, address, told))
    return told


def _logout_flow(plan: LoginPlan | None, known: KnownServer | None, address: str, told: LoggedOut) -> Flow[TokenSet]:
    # Under the lock: nobody buys a new pair while the old one is being revoked.
    tokens = yield from LoadTokens()
    told.had_login = tokens.refresh_token is not None or tokens.access_token is not None
    if not told.had_login:
        told.cleared = True
        return tokens
    if plan is not None and known is not None:
        yield from _revoke_flow(plan, known, tokens, told)
        if told.revocation is Revocation.UNREACHABLE:
            return tokens
    yield from SaveTokens(TokenSet())
    told.cleared = True
    memory = yield from RecallServer(address)
    if memory.person is not None:
        try:
            yield from RememberServer(address, replace(memory, person=None))
        except TokenStoreError as error:
            told.why = error.text
    name = "" if tokens.refresh_token is None else fingerprint(tokens.refresh_token)
    why = "" if told.revocation is Revocation.NOT_ASKED else told.revocation.value
    yield from Report(TokenEvent(kind=TokenEventKind.LOGGED_OUT, why=why, refresh_token_fingerprint=name))
    return TokenSet()


def _revoke_flow(plan: LoginPlan, known: KnownServer, tokens: TokenSet, told: LoggedOut) -> Flow[None]:
    """The refresh token first: where it goes, servers end its access tokens with it (RFC 7009 section 2.1)."""
    for token, hint in ((tokens.refresh_token, "refresh_token"), (tokens.access_token, "access_token")):
        if token is None:
            continue
        try:
            answer = yield from _ask_flow(plan, known, token, hint)
        except TokenError as error:
            answer = RevocationAnswer(kind=RevocationKind.UNAVAILABLE, why=error.text)
        if answer.kind is RevocationKind.REVOKED:
            told.revocation = Revocation.REVOKED
        elif hint == "refresh_token" or tokens.refresh_token is None:
            unavailable = answer.kind is RevocationKind.UNAVAILABLE
            told.revocation = Revocation.UNREACHABLE if unavailable else Revocation.REFUSED
            told.why = answer.why
            return


def _ask_flow(plan: LoginPlan, known: KnownServer, token: str, hint: str) -> Flow[RevocationAnswer]:
    request = revocation_request(known.client, known.endpoints.revocation or "", token, hint=hint)
    try:
        # Revoking twice does no harm.
        response = yield from over_routes_flow(request, plan.discovery, max_bytes=MAX_METADATA_BYTES, repeatable=True)
    except TransportError as error:
        raise unreachable(error, plan.login.timeouts) from error
    return read_revocation(response, token=token)

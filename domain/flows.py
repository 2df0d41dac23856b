"""The use cases of the token lifecycle: which step follows which, and what follows from each failure.

`access_token_flow` is what every caller runs; `refresh_flow` (in `domain.refreshing`) is the inner part that runs under
the store's lock.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.effects import Exclusively, Flow, InBackground, LoadTokens, ReadClock, ReadStoreTrouble
from domain.errors import TokenEndpointUnavailableError, TokenError, UpstreamRejectedTokenError
from domain.http import Route
from domain.refreshing import Login, refresh_flow
from domain.tokens import Setback, TokenSet, TokenState
from domain.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key that never changes, used in place of a login."""

    key: str = field(repr=False)


Credential = Login | ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What memory holds when a flow begins, given along so that the flow need not ask; None where memory is silent."""

    tokens: TokenSet | None
    route: Route | None
    now: datetime


def fresh_token(credential: Credential, at_hand: AtHand) -> str | None:
    """The access token to use as it is; None: what is to be done is for `access_token_flow` to tell."""
    if isinstance(credential, ApiKey):
        return credential.key
    tokens = at_hand.tokens
    if tokens is None or tokens.state(at_hand.now, credential.policy) is not TokenState.FRESH:
        return None
    return tokens.access_token


def access_token_flow(
    credential: Credential,
    *,
    rejected: str | None = None,
    wait_when_stale: bool = False,
    min_ttl: timedelta | None = None,
) -> Flow[str]:
    """A valid access token. `rejected` is one that the upstream has just refused, however long it should last.

    `wait_when_stale` is for those who need a token to last: a STALE one is renewed first, if that is possible. So is
    one that lasts shorter than `min_ttl`; what is handed out may still do so, where the server's tokens do.

    Raises TokenError; UpstreamRejectedTokenError for a refused ApiKey, which nothing can renew.
    """
    if isinstance(credential, ApiKey):
        if credential.key == rejected:
            raise UpstreamRejectedTokenError(
                Text(
                    "The upstream refused LLM_API_KEY. Put a valid key there, or remove it.",
                    "上游拒绝了 LLM_API_KEY。请填入有效的密钥，或删除该项。",
                )
            )
        return credential.key
    login = credential
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    state = tokens.state(now, login.policy)
    held = None if tokens.access_token == rejected else tokens.access_token
    too_short = held is not None and _ends_within(tokens, min_ttl, now)
    if held is not None and not too_short:
        if state is TokenState.FRESH:
            return held
        if state is TokenState.STALE and not (wait_when_stale and _can_refresh(tokens, now)):
            if _can_refresh(tokens, now):
                yield from InBackground(refresh_flow(login))
            return held
        if tokens.expires_at is None and tokens.refresh_token is None:
            # Pasted by hand, without its end: the upstream will tell when it is over.
            return held
    try:
        return (yield from _renewed_token(login, held if too_short else rejected))
    except TokenError:
        if held is not None and tokens.expires_at is not None and now < tokens.expires_at:
            return held
        raise


def _renewed_token(login: Login, rejected: str | None) -> Flow[str]:
    # Twice, because a refresh shared with others may have begun before this token was rejected; and because a server
    # that failed a moment ago often does not fail again. There is no valid token that another try could cost.
    for last in (False, True):
        try:
            tokens = yield from Exclusively(refresh_flow(login, rejected=rejected))
        except TokenEndpointUnavailableError as error:
            if last or not error.may_pass:
                raise
            continue
        now = yield from ReadClock()
        # A refresh shared with others may have been for something else, and have found nothing to do.
        over = tokens.state(now, login.policy) is TokenState.EXPIRED and not last
        if tokens.access_token is not None and tokens.access_token != rejected and not over:
            return tokens.access_token
    raise TokenEndpointUnavailableError(
        Text(
            "The token endpoint issued once more the access token that the upstream has just refused. "
            "Check that OAUTH_CLIENT_ID and LLM_API_URL belong together.",
            "令牌端点再次签发了上游刚刚拒绝的那个访问令牌。请检查 OAUTH_CLIENT_ID 与 LLM_API_URL 是否匹配。",
        )
    )


def keep_alive_flow(credential: Credential, interval: timedelta) -> Flow[None]:
    """Use the refresh token before it dies of idleness: renew it when that last happened `interval` ago or longer."""
    if isinstance(credential, ApiKey):
        return
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    idle = tokens.idle_for(now)
    if _can_refresh(tokens, now) and (idle is None or idle >= interval):
        yield from InBackground(refresh_flow(credential, idle=interval))


def keep_alive_pause(interval: timedelta) -> timedelta:
    """How long to wait between two looks at an idle login."""
    return min(interval / 4, timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStatus:
    """What is known of a login without asking anybody. It holds no token.

    `state` is None for an ApiKey. `trouble` is why the newest login is not where it belongs.
    """

    state: TokenState | None
    has_refresh_token: bool = False
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    setback: Setback | None = None
    unanswered: int = 0
    trouble: Text | None = None


def login_status_flow(credential: Credential) -> Flow[LoginStatus]:
    """Where a login stands; spends nothing. Raises TokenStoreError."""
    if isinstance(credential, ApiKey):
        return LoginStatus(state=None)
    tokens = yield from LoadTokens()
    now = yield from ReadClock()
    trouble = yield from ReadStoreTrouble()
    return LoginStatus(
        state=tokens.state(now, credential.policy),
        has_refresh_token=tokens.refresh_token is not None,
        expires_at=tokens.expires_at,
        issued_at=tokens.issued_at,
        setback=tokens.current_setback(now),
        unanswered=tokens.unanswered,
        trouble=trouble,
    )


def _ends_within(tokens: TokenSet, min_ttl: timedelta | None, now: datetime) -> bool:
    return min_ttl is not None and tokens.expires_at is not None and tokens.expires_at - now < min_ttl


def _can_refresh(tokens: TokenSet, now: datetime) -> bool:
    return tokens.refresh_token is not None and tokens.current_setback(now) is None

"""The token endpoint and the login: looked at without spending the refresh token."""

from collections.abc import Callable
from dataclasses import replace

from domain.checkup import Blame, Check, CheckName, failed, passed, skipped_for, warned
from domain.checkup_exchanges import Asked, failed_exchange, not_json, request_id_of, unexpected
from domain.errors import (
    LoginRequiredError,
    OCAError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenStoreError,
    TransportError,
)
from domain.flows import LoginStatus
from domain.http import HttpResponse, Route, Timeouts
from domain.oauth2 import TRY_LATER, OAuth2Client, read_answer, refresh_request
from domain.tokens import TokenState
from domain.words import Text
from ports.transport import Transport

MAX_ANSWER_BYTES = 256 * 1024
# No server has issued this one, so none is spent: it can only be told apart from a refused client.
NOBODYS_REFRESH_TOKEN = "oca-doctor-asks-whether-you-are-well"  # noqa: S105
_REFUSED_CLIENT = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_UNAUTHORIZED = 401


def token_endpoint(transport: Transport, client: OAuth2Client, *, route: Route, timeouts: Timeouts, key: Text) -> Check:
    """Whether the endpoint is one and knows this client, by asking it with a refresh token that nobody owns."""
    asked = Asked(
        name=CheckName.TOKEN_ENDPOINT,
        key=key,
        connect=timeouts.connect,
        limit=timeouts.total or timeouts.read,
    )
    request = refresh_request(client, NOBODYS_REFRESH_TOKEN)
    try:
        response = transport.send(request, route=route, timeouts=timeouts, max_bytes=MAX_ANSWER_BYTES)
    except TransportError as error:
        return failed_exchange(asked, error)
    secrets = () if client.client_secret is None else (client.client_secret,)
    answer = read_answer(response, secrets=secrets)
    if answer.error in _REFUSED_CLIENT or (response.status == _UNAUTHORIZED and not answer.error):
        return _refused_client(answer.error or "invalid_client", answer.why, response)
    if response.status in TRY_LATER:
        return warned(
            CheckName.TOKEN_ENDPOINT,
            Text(f"busy: {answer.why}", f"繁忙：{answer.why}"),
            mend=Text("Try again in a while.", "请稍后重试。"),
            fault="busy",
            details={"status": response.status},
        )
    if answer.error and response.status < 500:  # noqa: PLR2004
        return passed(
            CheckName.TOKEN_ENDPOINT,
            Text("answers as OAuth 2.0 asks, and knows this client", "按 OAuth 2.0 应答，且认识该客户端"),
            details={"answer": answer.error},
        )
    if 200 <= response.status < 300:  # noqa: PLR2004
        what = answer.why or "a grant for a token that does not exist"
        return not_json(
            asked,
            Text(f"is no token endpoint: it answered with {what}", f"不是令牌端点：返回了 {what}"),
            response.body,
            status=response.status,
        )
    return _found_there(unexpected(asked, response, said=""), client.token_endpoint)


def _found_there(check: Check, endpoint: str) -> Check:
    """The check; where there was nothing, with the way to the right address."""
    if check.fault != "not_found":
        return check
    mend = Text(
        f"Asked was {endpoint}. `oca login` finds the right address, or set OAUTH_TOKEN_URL.",
        f"查询的地址是 {endpoint}。`oca login` 会找到正确的地址，也可设置 OAUTH_TOKEN_URL。",
    )
    return replace(check, mend=mend)


def _refused_client(error: str, why: str, response: HttpResponse) -> Check:
    return failed(
        CheckName.TOKEN_ENDPOINT,
        Text(f"the server refuses this client ({why})", f"服务器拒绝了该客户端（{why}）"),
        mend=Text(
            "Check OAUTH_CLIENT_ID (and OAUTH_CLIENT_SECRET, OAUTH_CLIENT_AUTH, if it has a secret): "
            "oca config set OAUTH_CLIENT_ID=VALUE",
            "请检查 OAUTH_CLIENT_ID（若有密钥，还有 OAUTH_CLIENT_SECRET 和 OAUTH_CLIENT_AUTH）："
            "oca config set OAUTH_CLIENT_ID=VALUE",
        ),
        fault=error,
        blame=Blame.CONFIGURATION,
        details={"status": response.status, **request_id_of(response.headers)},
    )


def access_token(
    status: LoginStatus, token: Callable[[], str], *, obstacle: Check | None, mend: Text
) -> tuple[Check, str | None]:
    """The check of the login, and an access token where there is one.

    `obstacle` is what keeps the token endpoint from being asked, if anything; a token that is good needs no asking.
    """
    good = status.state in {TokenState.FRESH, TokenState.STALE}
    setback = status.setback
    dead = setback is not None and setback.until is None
    if not good and not status.has_refresh_token and obstacle is None:
        return _no_login(mend), None
    if obstacle is not None and not good and not dead:
        return skipped_for(obstacle, CheckName.TOKEN), None
    held: str | None = None
    trouble: Check | None = None
    try:
        held = token() if good or not dead else None
    except OCAError as error:
        trouble = _failed(error, mend)
    if setback is not None and dead:
        return dead_login(Text.of(setback.reason), mend), held
    if trouble is not None:
        return trouble, held
    ends = status.expires_at
    until = (
        Text("", "")
        if ends is None or not good
        else Text(f", until {ends:%Y-%m-%d %H:%M} UTC", f"，有效期至 {ends:%Y-%m-%d %H:%M} UTC")
    )
    finding = Text("there is a valid one", "有可用的访问令牌") if good else Text("renewed just now", "刚刚续期成功")
    return passed(CheckName.TOKEN, finding + until, details={"renewed": not good}), held


def not_renewed(refused: Check, error: OCAError, *, reason: Text | None, mend: Text) -> Check:
    """The check that found an access token refused, where it could not be renewed either.

    `reason` is why the authorization server has refused the refresh token, if it has.
    """
    if reason is None:
        return replace(_failed(error, mend), name=refused.name)
    finding = Text(
        f"the upstream rejects the access token (401), and the server has refused the refresh token ({reason.en}): "
        "the login is dead",
        f"上游拒绝了访问令牌（401），服务器也拒绝了刷新令牌（{reason.zh}）：登录已失效",
    )
    return replace(dead_login(reason, mend), name=refused.name, finding=finding)


def _no_login(mend: Text) -> Check:
    return failed(
        CheckName.TOKEN,
        Text("there is no login", "尚未登录"),
        mend=mend,
        fault="no_login",
        blame=Blame.LOGIN,
    )


def dead_login(reason: Text, mend: Text) -> Check:
    """The check of a login whose refresh token the server has refused for this reason."""
    return failed(
        CheckName.TOKEN,
        Text(
            f"the login is dead: the server has refused the refresh token ({reason.en})",
            f"登录已失效：服务器拒绝了刷新令牌（{reason.zh}）",
        ),
        mend=mend,
        fault="dead_login",
        blame=Blame.LOGIN,
    )


def _failed(error: OCAError, mend: Text) -> Check:
    match error:
        case LoginRequiredError():
            return failed(CheckName.TOKEN, error.text, mend=mend, fault="dead_login", blame=Blame.LOGIN)
        case TokenEndpointError():
            fault, blame = error.error or "invalid_client", Blame.CONFIGURATION
            step = Text(
                "Check OAUTH_CLIENT_ID: oca config set OAUTH_CLIENT_ID=VALUE",
                "请检查 OAUTH_CLIENT_ID：oca config set OAUTH_CLIENT_ID=VALUE",
            )
        case TokenEndpointUnavailableError():
            fault, blame = "token_endpoint_unavailable", Blame.UNREACHABLE
            step = Text(
                "Try again in a while; oca status tells since when it fails.",
                "请稍后重试；oca status 可查看从何时开始失败。",
            )
        case TokenStoreError():
            fault, blame = "token_store", Blame.CONFIGURATION
            step = Text("Make the token store writable.", "请确保令牌存储可写。")
        case _:
            fault, blame, step = "other", Blame.OTHER, Text("See oca status.", "请查看 oca status。")
    return failed(CheckName.TOKEN, error.text, mend=step, fault=fault, blame=blame)

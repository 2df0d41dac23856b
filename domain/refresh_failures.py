"""What a refresh that failed is called: the errors that `domain.refreshing` raises, in words."""

from datetime import datetime, timedelta

from domain.advice import TOKEN_ADDRESS, next_step
from domain.errors import (
    LoginRequiredError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TransportError,
)
from domain.oauth2 import MISCONFIGURED
from domain.tokens import Attempt, Setback
from domain.words import Text, joined

_SPACE = Text(" ", "")


def no_refresh_token(mend: str | Text) -> LoginRequiredError:
    told = Text("There is no refresh token, so no access token can be bought.", "没有刷新令牌，因此无法获取访问令牌。")
    return LoginRequiredError(joined([told, mend], _SPACE))


def refused_token(why: Text, mend: str | Text) -> LoginRequiredError:
    told = Text(
        f"The authorization server refused the refresh token ({why.en}).", f"授权服务器拒绝了刷新令牌（{why.zh}）。"
    )
    return LoginRequiredError(joined([told, mend], _SPACE))


def refused_client(why: str) -> TokenEndpointError:
    return TokenEndpointError(
        Text(
            f"The authorization server refused this client ({why}). "
            "Check OAUTH_CLIENT_ID and OAUTH_HOST (or OAUTH_TOKEN_URL).",
            f"授权服务器拒绝了此客户端（{why}）。请检查 OAUTH_CLIENT_ID 和 OAUTH_HOST（或 OAUTH_TOKEN_URL）。",
        ),
        error=why.partition(":")[0],
    )


def told_attempt(attempt: Attempt | None) -> Text:
    """What a lost answer has to do with a refusal; empty where every answer has come."""
    if attempt is None:
        return Text("", "")
    at = f"{attempt.at:%Y-%m-%d %H:%M:%S} UTC"
    return Text(
        f"; the answer to a request with it, sent at {at}, never arrived, so the server has probably replaced it then",
        f"；{at} 用它发出的请求没有收到回答，服务器很可能在那时已将其更换",
    )


def not_renewed(
    why: Text, *, cause: TransportError | None, connect_limit: timedelta, again_at: datetime | None
) -> Text:
    """The words for a failure that may pass; `again_at` is when the server asks to be tried again."""
    reason = why.without_end()
    if cause is None:
        said = Text(
            f"the token endpoint answered with {reason.en}. Check OAUTH_HOST (or OAUTH_TOKEN_URL) if it stays.",
            f"令牌端点返回了{reason.zh}。如果持续如此，请检查 OAUTH_HOST（或 OAUTH_TOKEN_URL）。",
        )
    else:
        step = next_step(cause.cause, address=TOKEN_ADDRESS, connect_limit=connect_limit)
        said = Text(f"{reason.en}. {step.en}", f"{reason.zh}。{step.zh}")
    again = Text("with the next request", "将在下次请求时重试")
    if again_at is not None:
        at = f"{again_at:%H:%M:%S} UTC"
        again = Text(f"at {at}, as the server asks", f"将按服务器的要求在 {at} 重试")
    return Text(
        f"The access token could not be renewed: {said.en} The login is kept, and tried again {again.en}.",
        f"无法刷新访问令牌：{said.zh}登录信息已保留，{again.zh}。",
    )


def is_refused_client(setback: Setback) -> bool:
    return setback.reason.partition(":")[0] in MISCONFIGURED


def error_of(setback: Setback, mend: str | Text, now: datetime) -> TokenError:
    """The error that a setback stands for; its reason was written down in English."""
    reason = setback.reason.rstrip(".")
    if setback.until is None:
        at = f"{setback.at:%Y-%m-%d %H:%M:%S} UTC"
        told = Text(
            f"The authorization server refused this refresh token at {at} ({setback.reason}); it is not asked again.",
            f"授权服务器已于 {at} 拒绝了此刷新令牌（{setback.reason}），不会再次请求。",
        )
        return LoginRequiredError(joined([told, mend], _SPACE))
    if is_refused_client(setback):
        return refused_client(setback.reason)
    return TokenEndpointUnavailableError(
        Text(
            f"The access token could not be renewed: {reason}. The next attempt is due at {setback.until:%H:%M:%S} "
            "UTC; `oca doctor` looks for the cause.",
            f"无法刷新访问令牌：{reason}。下次尝试将在 {setback.until:%H:%M:%S} UTC；可用 `oca doctor` 查找原因。",
        ),
        retry_after=setback.until - now,
    )

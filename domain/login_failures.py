"""What a login that failed is called: the errors of `domain.login_flows`, in words."""

from domain.advice import TOKEN_ADDRESS, next_step
from domain.errors import (
    CertificateError,
    LoginFailedError,
    TokenEndpointUnavailableError,
    TokenError,
    TransportError,
)
from domain.http import Timeouts
from domain.oauth2 import AnswerKind, TokenAnswer
from domain.refresh_failures import refused_client
from domain.words import Text


def unreachable(error: TransportError, timeouts: Timeouts) -> TokenEndpointUnavailableError:
    """The error for an exchange with the authorization server that did not take place."""
    step = next_step(error.cause, address=TOKEN_ADDRESS, connect_limit=timeouts.connect)
    why = error.text.without_end()
    return TokenEndpointUnavailableError(
        Text(
            f"The authorization server did not answer: {why.en}. {step.en} Nothing was changed.",
            f"授权服务器没有响应：{why.zh}。{step.zh}未作任何更改。",
        ),
        may_pass=not isinstance(error, CertificateError),
        cause=error.cause,
    )


def not_granted(answer: TokenAnswer, endpoint: str) -> TokenError:
    """The error for an answer of the token endpoint that grants nothing."""
    why = answer.text.without_end()
    match answer.kind:
        case AnswerKind.MISCONFIGURED:
            return refused_client(answer.why)
        case AnswerKind.LOGIN_REQUIRED:
            return LoginFailedError(
                Text(
                    f"The authorization server issued no tokens ({why.en}): what was shown to it is spent, expired or "
                    "not its own. Nothing was changed. Log in again: oca login",
                    f"授权服务器没有签发令牌（{why.zh}）：所出示的凭据已被使用、已过期或并非由它签发。"
                    "未作任何更改。请重新登录：oca login",
                )
            )
        case _:
            return TokenEndpointUnavailableError(
                Text(
                    f"The token endpoint {endpoint} answered with {why.en}. Nothing was changed. Try again; if it "
                    "stays so, check OAUTH_HOST (or OAUTH_TOKEN_URL).",
                    f"令牌端点 {endpoint} 返回了{why.zh}。未作任何更改。请重试；如果仍然如此，"
                    "请检查 OAUTH_HOST（或 OAUTH_TOKEN_URL）。",
                ),
                may_pass=True,
            )


def no_refresh_token(scope: str, prompt: str | None) -> LoginFailedError:
    # OpenID Connect Core section 11: some servers grant offline_access only where the person is asked for consent.
    ask = Text("", "")
    if "consent" not in (prompt or "").split():
        ask = Text(
            " Some servers give one only after the person's consent: OAUTH_PROMPT=consent",
            "有些服务器只在用户明确同意后才签发：OAUTH_PROMPT=consent",
        )
    return LoginFailedError(
        Text(
            "The server has issued an access token and no refresh token, so nothing was stored: the login would be "
            f"over with it. The scope must contain offline_access (OAUTH_SCOPE; asked for was: {scope}), and the "
            "client must be allowed the grant type refresh_token at the server.",
            "服务器签发了访问令牌，但没有刷新令牌，因此未存储任何内容：否则登录会随访问令牌一同失效。"
            f"scope 必须包含 offline_access（OAUTH_SCOPE；本次申请的是：{scope}），"
            "并且服务器必须允许此客户端使用 refresh_token 授权类型。",
        )
        + ask
    )

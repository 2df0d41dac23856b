"""The authorization code grant of a program on a person's machine.

RFC 6749 section 4.1 with PKCE (RFC 7636, S256 alone), a loopback redirect (RFC 8252 section 7.3), `state`, `nonce`
(OpenID Connect Core section 3.1.2.1) and the issuer in the answer (RFC 9207). Nothing here talks to anybody.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from domain.errors import LoginFailedError
from domain.http import HttpRequest
from domain.oauth2 import OAuth2Client, client_request
from domain.server_metadata import shown
from domain.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationAttempt:
    """One try to log in. Each value is random and used once; `code_verifier` has 43 to 128 characters."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeGranted:
    """The person has said yes; the code buys the tokens once."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The server has said no, in its own words (RFC 6749 section 4.1.2.1)."""

    error: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongIssuer:
    """The answer came from another server: a mix-up (RFC 9207 section 2.4). `given` is empty for none."""

    given: str
    expected: str


Callback = CodeGranted | Denied | WrongIssuer


def code_challenge(code_verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    return _base64url(hashlib.sha256(code_verifier.encode("ascii")).digest())


def authorization_address(
    endpoint: str, client: OAuth2Client, attempt: AuthorizationAttempt, *, scope: str, prompt: str | None = None
) -> str:
    """The address that the person's browser opens (RFC 6749 section 4.1.1)."""
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": attempt.redirect_uri,
        "scope": scope,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": code_challenge(attempt.code_verifier),
        "code_challenge_method": "S256",
    }
    if prompt:
        query["prompt"] = prompt
    # An endpoint may have a query of its own, which is kept (RFC 6749 section 3.1).
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"


def judge_callback(
    query: str, attempt: AuthorizationAttempt, *, issuer: str | None, names_itself: bool
) -> Callback | None:
    """What the answer in this query means; None for one that is not an answer to this attempt.

    `issuer` is the server's own, where it is known; one that `names_itself` must do so in its answer.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return None
    values = dict(pairs)
    if len(values) < len(pairs) or not _same(values.get("state", ""), attempt.state):
        return None
    given = values.get("iss", "")
    if issuer is not None and (given or names_itself) and given != issuer:
        return WrongIssuer(given=shown(given), expected=issuer)
    if values.get("error"):
        return Denied(error=shown(values["error"], 100), description=shown(values.get("error_description", ""), 300))
    return CodeGranted(code=values["code"]) if values.get("code") else None


def judge_pasted(
    text: str, attempt: AuthorizationAttempt, *, issuer: str | None, names_itself: bool
) -> Callback | None:
    """As `judge_callback`, for what a person has pasted: the whole address, its query, or the code alone.

    A code alone has no `state`. PKCE sees to it that it is of no use unless it was issued to this very attempt.
    """
    # Some terminals, and people, put marks around an address.
    pasted = "".join(text.split()).strip("\"'<>")
    if "=" in pasted and any(mark in pasted for mark in ("code=", "error=")):
        query = pasted.partition("?")[2] or pasted
        return judge_callback(query.partition("#")[0], attempt, issuer=issuer, names_itself=names_itself)
    if not pasted or "://" in pasted or not pasted.isascii() or not pasted.isprintable():
        return None
    return CodeGranted(code=pasted)


def code_of(callback: Callback) -> str:
    """The code that was granted. Raises LoginFailedError."""
    match callback:
        case CodeGranted(code=code):
            return code
        case Denied(error="access_denied", description=description):
            raise _denied(description)
        case Denied(error=error, description=description):
            raise _refused(": ".join(part for part in (error, description) if part))
        case WrongIssuer(given=given, expected=expected):
            raise LoginFailedError(
                Text(
                    f"The answer in the browser came from {given or 'a server that does not say who it is'}, where "
                    f"{expected} was due (RFC 9207). Nothing was stored. Log in again; if it stays so, check "
                    "OAUTH_HOST and OAUTH_ISSUER.",
                    f"浏览器中的回答来自 {given or '未表明身份的服务器'}，而应来自 {expected}（RFC 9207）。"
                    "未存储任何内容。请重新登录；如果仍然如此，请检查 OAUTH_HOST 和 OAUTH_ISSUER。",
                )
            )


def code_request(client: OAuth2Client, code: str, attempt: AuthorizationAttempt) -> HttpRequest:
    """The request that buys the tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.code_verifier,
    }
    return client_request(client, client.token_endpoint, form)


def _denied(description: str) -> LoginFailedError:
    said = Text(f" ({description})", f"（{description}）") if description else Text("", "")
    return LoginFailedError(
        Text(
            f"The login was declined in the browser{said.en}. Nothing was changed. To try again: oca login",
            f"登录请求已在浏览器中被拒绝{said.zh}。未作任何更改。如需重试：oca login",
        )
    )


def _refused(why: str) -> LoginFailedError:
    return LoginFailedError(
        Text(
            f"The authorization server refused to log in ({why}). Check OAUTH_CLIENT_ID, OAUTH_SCOPE and the redirect "
            "addresses that the server allows this client (OAUTH_REDIRECT_PORTS, OAUTH_REDIRECT_PATH).",
            f"授权服务器拒绝登录（{why}）。请检查 OAUTH_CLIENT_ID、OAUTH_SCOPE，以及服务器允许此客户端使用的重定向地址"
            "（OAUTH_REDIRECT_PORTS、OAUTH_REDIRECT_PATH）。",
        )
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

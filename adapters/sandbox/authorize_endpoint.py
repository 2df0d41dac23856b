"""The authorization endpoint: RFC 6749 section 4.1, RFC 7636, RFC 8252, RFC 9207, OpenID Connect Core 1.0.

What concerns the client or its address is told to the user alone: nobody is redirected to an address that is not
known to be the client's (RFC 6749 section 4.1.2.1). Everything else goes back to the client.
"""

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.sandbox.authorization_codes import CHALLENGE, AuthorizationRequest
from adapters.sandbox.authorization_controls import AuthorizationControls, LoginFault
from adapters.sandbox.authorization_pages import (
    ALLOW,
    DECISION,
    DENY,
    TICKET,
    TicketOffice,
    browser_of,
    decision_form,
    listed,
    page,
    stale_page,
    told,
)
from adapters.sandbox.clients import CLIENTS
from adapters.sandbox.oauth_errors import OAuthError
from adapters.sandbox.oauth_forms import limited_body, read_form, read_pairs, recorded_headers
from adapters.sandbox.scopes import OFFLINE_ACCESS, read_scopes
from adapters.sandbox.server_metadata import issuer_of
from adapters.sandbox.world import Endpoint
from domain.words import Text

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class AuthorizeEndpoint:
    """Asks the user, and sends the browser back with a code or an error."""

    def __init__(self, controls: AuthorizationControls) -> None:
        self._controls = controls
        self._tickets: TicketOffice[AuthorizationRequest] = TicketOffice()

    async def serve(self, request: Request) -> Response:
        """OpenID Connect Core 1.0 section 3.1.2.1: by GET and by POST; the page's own form comes by POST as well."""
        try:
            fields, twice = await _parameters(request)
        except OAuthError as error:
            return _refused(Text(str(error), "请求参数无法读取。"))
        self._controls.record(Endpoint.AUTHORIZE, fields=fields, headers=recorded_headers(request))
        if request.method == "POST" and TICKET in fields:
            return self._decided(request, fields)
        return self._asked(request, fields, twice)

    def _asked(self, request: Request, fields: dict[str, str], twice: frozenset[str]) -> Response:
        client = CLIENTS.get(fields.get("client_id", ""))
        if client is None or "client_id" in twice:
            return _refused(Text("There is no such client.", "没有这个客户端。"))
        redirect_uri = fields.get("redirect_uri", "")
        if "redirect_uri" in twice or not is_redirect_uri(redirect_uri, self._controls.redirect_uris):
            return _refused(
                Text("The redirect_uri is not one of this client's.", "redirect_uri 不是此客户端已登记的地址。")
            )
        try:
            asked = self._read(client.client_id, redirect_uri, fields, twice)
        except OAuthError as error:
            answer = {"error": error.error, "error_description": str(error)}
            return self._back(request, redirect_uri, fields.get("state"), answer)
        if self._controls.consents_at_once:
            return self._allowed(request, asked)
        return self._consent_page(request, asked)

    def _read(
        self, client_id: str, redirect_uri: str, fields: dict[str, str], twice: frozenset[str]
    ) -> AuthorizationRequest:
        if twice:
            raise OAuthError("invalid_request", "A parameter is included more than once.")
        for name in ("request", "request_uri"):
            if name in fields:
                raise OAuthError(f"{name}_not_supported", f"The parameter {name} is not supported.")
        _check_response(fields)
        prompts = _prompts(fields)
        if "none" in prompts:
            raise OAuthError("login_required", "Nobody is logged in here, and nobody may be asked.")
        scopes = read_scopes(fields.get("scope", ""))
        if self._controls.offline_needs_consent and "consent" not in prompts:
            scopes -= {OFFLINE_ACCESS}
        return AuthorizationRequest(
            client_id=client_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            state=fields.get("state"),
            nonce=fields.get("nonce"),
            code_challenge=_code_challenge(fields),
        )

    def _consent_page(self, request: Request, asked: AuthorizationRequest) -> Response:
        browser = browser_of(request)
        ticket = self._tickets.issue(browser, asked)
        address = urlsplit(asked.redirect_uri)
        # Browsers hold redirects after a form to the policy too; it has no words for an IPv6 address.
        leads_to = "http:" if "[" in address.netloc else f"http://{address.netloc}"
        return page(
            Text("Allow access?", "是否允许访问？"),
            told(
                Text(
                    f"The program {asked.client_id} asks to log in at this sandbox, and for:",
                    f"程序 {asked.client_id} 请求登录此沙盒，并请求以下权限：",
                )
            ),
            listed(sorted(asked.scopes)),
            told(
                Text(
                    f"Your browser then goes to {address.netloc}, on this computer.",
                    f"随后浏览器将转到本机的 {address.netloc}。",
                )
            ),
            decision_form(self._controls.paths[Endpoint.AUTHORIZE], ticket),
            browser=browser,
            form_action=leads_to,
        )

    def _decided(self, request: Request, fields: dict[str, str]) -> Response:
        decision = fields.get(DECISION)
        asked = self._tickets.take(browser_of(request), fields[TICKET]) if decision in {ALLOW, DENY} else None
        if asked is None:
            return stale_page()
        if decision == ALLOW:
            return self._allowed(request, asked)
        refusal = {"error": "access_denied", "error_description": "The user has refused."}
        return self._back(request, asked.redirect_uri, asked.state, refusal)

    def _allowed(self, request: Request, asked: AuthorizationRequest) -> Response:
        code = self._controls.codes.issue(asked, lifetime=self._controls.code_lifetime)
        return self._back(request, asked.redirect_uri, asked.state, {"code": code})

    def _back(self, request: Request, redirect_uri: str, state: str | None, answer: dict[str, str]) -> Response:
        faults = self._controls.faults
        if state is not None and LoginFault.NO_CALLBACK_STATE not in faults:
            answer["state"] = "of-another-request" if LoginFault.WRONG_CALLBACK_STATE in faults else state
        if LoginFault.NO_CALLBACK_ISS not in faults:
            # RFC 9207 section 2: errors bear it too.
            issuer = issuer_of(request, self._controls)
            answer["iss"] = f"{issuer}/other" if LoginFault.WRONG_CALLBACK_ISS in faults else issuer
        # RFC 6749 section 3.1.2: the address keeps the query that it has.
        joint = "&" if urlsplit(redirect_uri).query else "?"
        address = f"{redirect_uri}{'' if redirect_uri.endswith('?') else joint}{urlencode(answer)}"
        # RFC 9700 section 4.12: 303, after which a browser never sends the form on.
        return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


def is_redirect_uri(uri: str, allowed: frozenset[str] | None) -> bool:
    """Exactly one of `allowed`; where that is None, any loopback address with any port (RFC 8252 section 7.3)."""
    if allowed is not None:
        return uri in allowed
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri or "#" in uri:
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "http" or port == 0 or "@" in parts.netloc:
        return False
    return parts.hostname in _LOOPBACK


async def _parameters(request: Request) -> tuple[dict[str, str], frozenset[str]]:
    if request.method == "POST":
        return read_form(request, await limited_body(request)), frozenset()
    return read_pairs(request.scope["query_string"])


def _check_response(fields: dict[str, str]) -> None:
    if "response_type" not in fields:
        raise OAuthError("invalid_request", "The parameter response_type is missing.")
    if fields["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "Only response_type=code is supported.")
    if fields.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "Only response_mode=query is supported.")


def _prompts(fields: dict[str, str]) -> frozenset[str]:
    prompts = frozenset(fields.get("prompt", "").split())
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none goes with no other value.")
    return prompts


def _code_challenge(fields: dict[str, str]) -> str:
    """RFC 7636 section 4.4.1; a method that is not named is `plain` (section 4.3)."""
    if "code_challenge" not in fields:
        raise OAuthError("invalid_request", "Code challenge required.")
    if fields.get("code_challenge_method", "plain") != "S256":
        raise OAuthError("invalid_request", "Transform algorithm not supported: only code_challenge_method=S256 is.")
    if not CHALLENGE.fullmatch(fields["code_challenge"]):
        raise OAuthError("invalid_request", "The code_challenge is not a SHA-256 in base64url.")
    return fields["code_challenge"]


def _refused(why: Text) -> Response:
    return page(Text("This login cannot go on", "无法继续登录"), told(why), status=400)

"""The OAuth 2.0 token endpoint, for authorization codes, device codes and refresh tokens.

Strict where RFC 6749 is: form-encoded only, no parameter twice, empty parameters count as omitted (section 3.2),
answers as of sections 5.1 and 5.2, never to be cached. Refresh tokens are used once (`adapters.sandbox.logins`).
`SandboxControls` sets lifetimes and delays and lets answers go wrong.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.clients import Client, authenticated_client
from adapters.sandbox.controls import ExchangeUnderWay, SandboxControls, TokenFault
from adapters.sandbox.id_tokens import id_token
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.logins import Grant
from adapters.sandbox.oauth_errors import GrantRefusedError, OAuthError
from adapters.sandbox.oauth_forms import NEVER_STORED, error_response, limited_body, read_form, recorded_headers
from adapters.sandbox.paced import HungUpResponse, disconnection
from adapters.sandbox.refusals import json_response
from adapters.sandbox.scopes import read_scopes
from adapters.sandbox.server_metadata import DEVICE_GRANT, GRANT_TYPES, issuer_of
from adapters.sandbox.world import Endpoint
from ports.clock import Clock

# Answers that send the client to wait: nobody was refused anything.
_NOT_YET = frozenset({"authorization_pending", "slow_down"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bought:
    """What a request buys. `nonce` is the authorization request's; `fresh` marks a login rather than a renewal."""

    client: Client
    grant: Grant
    nonce: str | None = None
    fresh: bool = True


class TokenEndpoint:
    def __init__(self, controls: SandboxControls, clock: Clock) -> None:
        self._controls = controls
        self._clock = clock

    async def serve(self, request: Request) -> Response:
        with self._controls.token_request() as under_way:
            body = await limited_body(request)
            fault = self._controls.take_fault()
            # The refresh token is spent at once and the answer comes later: as with a slow network, the client that
            # gives up meanwhile has lost its login.
            response = self._respond(request, body, fault, under_way)
            delay = self._controls.take_delay()
            if delay > timedelta(0):
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay.total_seconds()):
                        await disconnection(request.receive)
            return response

    def _respond(
        self, request: Request, body: bytes | None, fault: TokenFault | None, under_way: ExchangeUnderWay
    ) -> Response:
        failed = None if fault is None else _failure_before_rotation(fault, self._controls)
        if failed is not None:
            return failed
        try:
            bought = self._buy(request, body, fault)
        except OAuthError as error:
            if error.error not in _NOT_YET:
                self._controls.count_refusal(reused=isinstance(error, GrantRefusedError) and error.reused)
            return error_response(error)
        self._controls.count_grant()
        under_way.granted = True
        if fault is TokenFault.CLOSED_AFTER_ROTATION:
            return HungUpResponse()
        return json_response(self._answer(request, bought, fault), headers=NEVER_STORED)

    def _buy(self, request: Request, body: bytes | None, fault: TokenFault | None) -> _Bought:
        form = read_form(request, body)
        controls, authorization = self._controls, self._controls.authorization
        authorization.record(Endpoint.TOKEN, fields=form, headers=recorded_headers(request))
        grant_type = _needed(form, "grant_type")
        client = authenticated_client(form, request.headers.get("authorization"))
        lifetime = controls.access_token_lifetime
        match grant_type:
            case "refresh_token":
                grant = controls.logins.exchange(
                    _needed(form, "refresh_token"),
                    lifetime=lifetime,
                    grace=controls.grace,
                    rotate=fault is not TokenFault.NO_REFRESH_TOKEN,
                    client_id=client.client_id,
                    scopes=read_scopes(form["scope"]) if "scope" in form else frozenset(),
                )
                return _Bought(client=client, grant=grant, fresh=False)
            case "authorization_code":
                grant, nonce = authorization.codes.redeem(
                    _needed(form, "code"),
                    client_id=client.client_id,
                    redirect_uri=_needed(form, "redirect_uri"),
                    code_verifier=_needed(form, "code_verifier"),
                    token_lifetime=lifetime,
                )
                return _Bought(client=client, grant=grant, nonce=nonce)
            case _ if grant_type == DEVICE_GRANT:
                grant = authorization.devices.poll(
                    _needed(form, "device_code"), client_id=client.client_id, token_lifetime=lifetime
                )
                return _Bought(client=client, grant=grant)
            case _:
                raise OAuthError("unsupported_grant_type", f"Supported are: {', '.join(GRANT_TYPES)}.")

    def _answer(self, request: Request, bought: _Bought, fault: TokenFault | None) -> JsonObject:
        answer = _grant_body(bought.grant, fault)
        authorization = self._controls.authorization
        faults = authorization.faults
        if bought.fresh and (LoginFault.NO_REFRESH_TOKEN in faults or fault is TokenFault.NO_REFRESH_TOKEN):
            answer.pop("refresh_token", None)
        wants_id_token = "openid" in bought.grant.scopes and (bought.fresh or authorization.id_token_at_refresh)
        if wants_id_token and LoginFault.NO_ID_TOKEN not in faults:
            answer["id_token"] = id_token(
                bought.grant,
                issuer=issuer_of(request, authorization),
                audience=bought.client.client_id,
                nonce=bought.nonce,
                now=self._clock.now(),
                faults=faults,
            )
        return answer


def _failure_before_rotation(fault: TokenFault, controls: SandboxControls) -> Response | None:
    match fault:
        case TokenFault.STATUS_500:
            return PlainTextResponse("Internal Server Error", status_code=500)
        case TokenFault.STATUS_503:
            retry_after = {"Retry-After": str(max(0, round(controls.retry_after.total_seconds())))}
            return error_response(
                OAuthError("temporarily_unavailable", "Try again later.", status=503), headers=retry_after
            )
        case TokenFault.HTML:
            page = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
            return HTMLResponse(page, status_code=502)
        case TokenFault.NOT_JSON:
            return PlainTextResponse("Please log in to the guest network first.")
        case TokenFault.CLOSED_BEFORE_ROTATION:
            return HungUpResponse()
        case _:
            return None


def _grant_body(grant: Grant, fault: TokenFault | None) -> dict[str, Any]:
    """RFC 6749 section 5.1."""
    seconds = grant.lifetime.total_seconds()
    expires_in: Any = int(seconds) if seconds.is_integer() else seconds
    if fault is TokenFault.EXPIRES_IN_STRING:
        expires_in = str(expires_in)
    elif fault is TokenFault.EXPIRES_IN_WRONG:
        expires_in = "soon"
    body = {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "refresh_token": grant.refresh_token,
        "scope": " ".join(sorted(grant.scopes)),
    }
    if fault is TokenFault.NO_EXPIRES_IN:
        del body["expires_in"]
    return {key: value for key, value in body.items() if value is not None}


def _needed(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    return form[name]

"""Discovery (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3), and the keys that sign ID tokens."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from adapters.sandbox.authorization_controls import AuthorizationControls, LoginFault
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.oauth_forms import recorded_headers
from adapters.sandbox.refusals import json_response
from adapters.sandbox.scopes import SCOPES
from adapters.sandbox.signing_keys import signing_key
from adapters.sandbox.world import HOST, Endpoint

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ("authorization_code", "refresh_token", DEVICE_GRANT)
_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")
_MEMBERS = {
    "authorization_endpoint": Endpoint.AUTHORIZE,
    "token_endpoint": Endpoint.TOKEN,
    "device_authorization_endpoint": Endpoint.DEVICE,
    "revocation_endpoint": Endpoint.REVOCATION,
    "jwks_uri": Endpoint.KEYS,
}


def issuer_of(request: Request, controls: AuthorizationControls) -> str:
    """This server's name, which is also where it stands; no slash at its end."""
    return controls.public_url or f"http://{HOST}:{request.scope['server'][1]}"


def metadata_endpoint(endpoint: Endpoint, controls: AuthorizationControls) -> Callable[[Request], Awaitable[Response]]:
    async def metadata(request: Request) -> Response:
        controls.record(endpoint, fields=dict(request.query_params), headers=recorded_headers(request))
        if LoginFault.METADATA_STATUS_500 in controls.faults:
            return PlainTextResponse("Internal Server Error", status_code=500)
        if LoginFault.METADATA_HTML in controls.faults:
            return HTMLResponse("<!DOCTYPE html><html><head><title>Welcome</title></head><body>Welcome</body></html>")
        return json_response(_metadata(issuer_of(request, controls), controls))

    return metadata


def keys_endpoint(controls: AuthorizationControls) -> Callable[[Request], Awaitable[Response]]:
    async def keys(request: Request) -> Response:
        controls.record(Endpoint.KEYS, fields={}, headers=recorded_headers(request))
        return json_response({"keys": [signing_key().public_jwk()]})

    return keys


def _metadata(issuer: str, controls: AuthorizationControls) -> JsonObject:
    places = {
        member: issuer + controls.paths[endpoint]
        for member, endpoint in _MEMBERS.items()
        if endpoint not in controls.absent
    }
    grants = [grant for grant in GRANT_TYPES if grant != DEVICE_GRANT or Endpoint.DEVICE not in controls.absent]
    members: JsonObject = {
        "issuer": issuer,
        **places,
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(_AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(_AUTH_METHODS),
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "preferred_username"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["en", "zh"],
        **controls.metadata_changes,
    }
    return {name: value for name, value in members.items() if value is not None}

"""The revocation endpoint (RFC 7009)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.clients import authenticated_client
from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.oauth_errors import OAuthError
from adapters.sandbox.oauth_forms import NEVER_STORED, error_response, limited_body, read_form, recorded_headers
from adapters.sandbox.world import Endpoint


def revocation_endpoint(controls: SandboxControls) -> Callable[[Request], Awaitable[Response]]:
    """Revoking what is unknown, or was revoked before, succeeds (section 2.2)."""

    async def revoke(request: Request) -> Response:
        body = await limited_body(request)
        try:
            form = read_form(request, body)
            controls.authorization.record(Endpoint.REVOCATION, fields=form, headers=recorded_headers(request))
            if LoginFault.REVOCATION_STATUS_503 in controls.authorization.faults:
                return Response(status_code=503, headers={**NEVER_STORED, "Retry-After": "1"})
            client = authenticated_client(form, request.headers.get("authorization"))
            if "token" not in form:
                raise OAuthError("invalid_request", "The parameter token is missing.")  # noqa: TRY301
            controls.logins.revoke(form["token"], client_id=client.client_id)
        except OAuthError as error:
            return error_response(error)
        return Response(headers=NEVER_STORED)

    return revoke

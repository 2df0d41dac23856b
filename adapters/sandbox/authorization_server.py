"""The authorization server: ways to log in, to renew a login and to end it; each endpoint has a module of its own."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.sandbox.authorize_endpoint import AuthorizeEndpoint
from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.device_endpoint import DeviceEndpoint
from adapters.sandbox.oauth_forms import whole
from adapters.sandbox.revocation import revocation_endpoint
from adapters.sandbox.server_metadata import keys_endpoint, metadata_endpoint
from adapters.sandbox.token_endpoint import TokenEndpoint
from adapters.sandbox.world import Endpoint
from ports.clock import Clock


class AuthorizationServer:
    """An ASGI application; it serves the paths that `serves` knows, wherever the controls have moved them."""

    def __init__(self, controls: SandboxControls, clock: Clock) -> None:
        self._controls = controls.authorization
        asking, device = AuthorizeEndpoint(self._controls), DeviceEndpoint(self._controls)
        handlers = {
            Endpoint.AUTHORIZE: (asking.serve, ["GET", "POST"]),
            Endpoint.TOKEN: (TokenEndpoint(controls, clock).serve, ["POST"]),
            Endpoint.DEVICE: (device.authorize, ["POST"]),
            Endpoint.VERIFICATION: (device.verify, ["GET", "POST"]),
            Endpoint.REVOCATION: (revocation_endpoint(controls), ["POST"]),
            Endpoint.KEYS: (keys_endpoint(self._controls), ["GET"]),
        } | {
            place: (metadata_endpoint(place, self._controls), ["GET"])
            for place in (Endpoint.OPENID_CONFIGURATION, Endpoint.SERVER_METADATA)
        }
        self._application = Starlette(
            routes=[Route(each.value, whole(handler), methods=methods) for each, (handler, methods) in handlers.items()]
        )

    def serves(self, path: str) -> bool:
        return self._controls.endpoint_at(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._controls.endpoint_at(scope["path"])
        place = scope["path"] if endpoint is None else endpoint.value
        await self._application({**scope, "path": place, "raw_path": place.encode()}, receive, send)

"""The road of the relayed operations."""

from fastapi import APIRouter
from starlette.types import Receive, Scope, Send

from adapters.http_api.bodies import read_json_body
from adapters.http_api.caller import Attendance
from adapters.http_api.errors import answer_of
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from adapters.http_api.metrics import Metrics
from adapters.http_api.operations import OPERATIONS, RelayedRequest, relayed_request
from adapters.http_api.options import ServerOptions
from adapters.http_api.relayed_answer import RelayedAnswer
from domain.errors import OCAError
from ports.gateway import AsyncChatGateway

# Where the fast path leaves what it has begun, for this road to go on with: a RelayedRequest.
HANDED = "oca.handed"


def is_relayed(scope: Scope) -> bool:
    """Whether RelayRoad answers a request."""
    return scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in OPERATIONS


class RelayRoad:
    """Answers the relayed operations, as plain ASGI: their bodies pass through as they are, but for the model's name.

    FastAPI's routing costs several times what all of this does.
    """

    def __init__(self, gateway: AsyncChatGateway, options: ServerOptions, metrics: Metrics) -> None:
        self._gateway = gateway
        self._options = options
        self._metrics = metrics
        self._attendance = Attendance()
        self._keep_alive_s = options.keep_alive.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._prepared(scope, receive)
        except OCAError as error:
            language = language_of(Fields.of(scope), self._options.language)
            await answer_of(error, language).response()(scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _prepared(self, scope: Scope, receive: Receive) -> RelayedAnswer:
        """The answer to come. Of a request nothing else is kept while its answer runs. Raises CallerError."""
        options = self._options
        request: RelayedRequest | None = scope.get(HANDED)
        if request is None:
            body = await read_json_body(Fields.of(scope), receive, max_bytes=options.max_body_bytes)
            request = relayed_request(scope, body, default_model=options.default_model)
        return RelayedAnswer(
            self._gateway,
            request,
            keep_alive_s=self._keep_alive_s,
            metrics=self._metrics,
            attendance=self._attendance,
            language=lambda: language_of(Fields.of(scope), options.language),
        )


def relay_router() -> APIRouter:
    """The relayed operations for the API's description; `RelayRoad` answers them before anything is routed."""
    router = APIRouter(prefix="/v1", tags=["relay"])
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
    for operation in OPERATIONS.values():
        name = operation.path.replace("/", "_")
        router.add_api_route(
            f"/{operation.path}",
            _answered_before,
            methods=["POST"],
            name=name,
            description=operation.told,
            openapi_extra=body,
        )
    return router


async def _answered_before() -> None:
    """Nothing: see relay_router."""

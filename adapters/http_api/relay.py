"""The relayed operations: chat completions, completions, embeddings."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http_api.bodies import read_json_body
from adapters.http_api.options import ServerOptions
from adapters.http_api.relayed_answer import RelayedAnswer
from adapters.wire.openai_requests import PreparedRequest, prepare_chat, prepare_completion, prepare_embeddings
from adapters.wire.relay_headers import REQUEST_ID
from ports.gateway import AsyncChatGateway, Relay

_DOCUMENTED_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}


def relay_router(gateway: AsyncChatGateway, options: ServerOptions) -> APIRouter:
    """Routes whose bodies pass through as they are, but for a missing model name."""
    router = APIRouter(prefix="/v1", tags=["relay"])

    def answer(request: Request, prepared: PreparedRequest, operation: str) -> Response:
        headers = tuple((name, value) for name, value in request.headers.items() if name != REQUEST_ID)
        relay = Relay(
            path=operation,
            query=request.url.query,
            headers=(*headers, (REQUEST_ID, request.state.request_id)),
            body=prepared.body,
        )
        return RelayedAnswer(
            partial(gateway.relay, relay),
            streamed=prepared.stream,
            choices=prepared.choices,
            keep_alive=options.keep_alive,
        )

    async def prepared_by(prepare: Callable[..., PreparedRequest], request: Request) -> PreparedRequest:
        body = await read_json_body(request, max_bytes=options.max_body_bytes)
        return prepare(body, default_model=options.default_model)

    @router.post("/chat/completions", openapi_extra=_DOCUMENTED_BODY)
    async def chat_completions(request: Request) -> Response:
        """OpenAI API reference, "Create chat completion"; streaming and not."""
        return answer(request, await prepared_by(prepare_chat, request), "chat/completions")

    @router.post("/completions", openapi_extra=_DOCUMENTED_BODY)
    async def completions(request: Request) -> Response:
        """OpenAI API reference, "Create completion" (legacy)."""
        return answer(request, await prepared_by(prepare_completion, request), "completions")

    @router.post("/embeddings", openapi_extra=_DOCUMENTED_BODY)
    async def embeddings(request: Request) -> Response:
        """OpenAI API reference, "Create embeddings"."""
        return answer(request, await prepared_by(prepare_embeddings, request), "embeddings")

    _ = (chat_completions, completions, embeddings)
    return router

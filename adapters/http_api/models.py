"""GET /v1/models and GET /v1/models/{id} (OpenAI API reference, "Models")."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.wire.openai_models import encode_model, encode_models
from domain.errors import ModelNotFoundError
from ports.gateway import AsyncChatGateway


def models_router(gateway: AsyncChatGateway) -> APIRouter:
    """The upstream's list, cached; `?refresh=true` asks the upstream again."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    @router.get("")
    async def list_models(refresh: Annotated[bool, Query()] = False) -> Response:  # noqa: FBT002 - a query parameter
        """Every model on offer; the default model alone when the upstream gives no list."""
        listed = await gateway.list_models(refresh=refresh)
        headers = {"x-oca-model-list": "fallback"} if listed.trouble else None
        return Response(encode_models(listed.models), headers=headers, media_type="application/json")

    @router.get("/{model_id:path}")
    async def get_model(model_id: str) -> Response:
        """One model by its id, which may hold slashes."""
        listed = await gateway.list_models()
        for model in listed.models:
            if model.id == model_id:
                return Response(encode_model(model), media_type="application/json")
        raise ModelNotFoundError(model_id, known=[model.id for model in listed.models])

    _ = (list_models, get_model)
    return router

"""GET /metrics, for Prometheus. Needs a key where there are keys, as `/v1` does."""

from fastapi import APIRouter
from starlette.responses import Response

from adapters.http_api.metrics import CONTENT_TYPE, Metrics


def metrics_router(metrics: Metrics) -> APIRouter:
    """What has been counted since the start, by all workers."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics")
    async def told() -> Response:
        """Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    _ = told
    return router

"""GET /healthz: the process lives. GET /readyz: it can do its work, or why not. Neither shows a secret."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from domain.errors import OCAError, TokenError
from ports.gateway import AsyncChatGateway


def health_router(gateway: AsyncChatGateway) -> APIRouter:
    """Routes for supervisors and load balancers; they need no key."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """Always 200 while the process answers."""
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 when there is a usable access token (renewed now, if it must be), else 503 with the reason."""
        try:
            await gateway.access_token()
        except OCAError as error:
            retry_after = error.retry_after if isinstance(error, TokenError) else None
            headers = {"retry-after": str(max(1, round(retry_after.total_seconds())))} if retry_after else None
            body = {"status": "not ready", "checks": {"settings": "ok", "token": str(error)}}
            return JSONResponse(body, 503, headers=headers)
        return JSONResponse({"status": "ready", "checks": {"settings": "ok", "token": "ok"}})

    _ = (healthz, readyz)
    return router

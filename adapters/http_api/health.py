"""GET /healthz: the process lives. GET /readyz: it can do its work, or why not. Neither shows a secret."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from adapters.http_api.errors import whole_seconds
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from domain.errors import OCAError, TokenError
from domain.words import Language
from ports.gateway import AsyncChatGateway

OK = "ok"


def health_router(gateway: AsyncChatGateway, language: Language = Language.ENGLISH) -> APIRouter:
    """Routes for supervisors and load balancers; they need no key."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """Always 200 while the process answers."""
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz(request: Request) -> JSONResponse:
        """200 when there is a usable access token (renewed now, if it must be), else 503 with the reason.

        `store` tells why a login that is in use is not stored: it works, and would not survive the process.
        """
        told_in = language_of(Fields.of(request.scope), language)
        checks = dict.fromkeys(("settings", "token", "store"), OK)
        headers: dict[str, str] = {}
        try:
            await gateway.access_token()
        except OCAError as error:
            checks["token"] = error.told_in(told_in)
            if isinstance(error, TokenError) and error.retry_after is not None:
                headers["retry-after"] = str(whole_seconds(error.retry_after))
        try:
            trouble = (await gateway.login_status()).trouble
            if trouble:
                checks["store"] = trouble.told_in(told_in)
        except OCAError as error:
            checks["store"] = error.told_in(told_in)
        ready = checks["token"] == OK
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return JSONResponse(body, 200 if ready else 503, headers=headers)

    _ = (healthz, readyz)
    return router

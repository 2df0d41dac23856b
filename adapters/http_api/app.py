"""The application: routes, guards, and errors in OpenAI's shape."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from adapters.http_api.errors import ErrorAnswer, answer_of
from adapters.http_api.guard import Guard
from adapters.http_api.health import health_router
from adapters.http_api.models import models_router
from adapters.http_api.options import ServerOptions
from adapters.http_api.relay import relay_router
from adapters.http_api.request_log import RequestLog
from adapters.wire.openai_errors import encode_error
from domain.errors import InvalidRequestError, OCAError
from ports.gateway import AsyncChatGateway


def build_app(
    gateway: AsyncChatGateway,
    options: ServerOptions,
    *,
    version: str,
    aclose: Callable[[], Awaitable[None]],
    beside: Sequence[Callable[[], Coroutine[None, None, None]]] = (),
) -> FastAPI:
    """The ASGI application over a gateway.

    `beside` runs as long as the server does; `aclose` is awaited when it has stopped.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        # Fetched ahead, but nobody's start waits for it.
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(gateway.list_models(), name="oca-warm-up")]
        tasks += [asyncio.create_task(run(), name="oca-beside") for run in beside]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await aclose()

    app = FastAPI(
        title="OCA Gateway",
        version=version,
        summary="An OpenAI-compatible API in front of a chat model behind OAuth 2.0.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(models_router(gateway))
    app.include_router(relay_router(gateway, options))
    app.include_router(health_router(gateway))
    app.add_exception_handler(OCAError, _handle)
    app.add_exception_handler(HTTPException, _handle)
    app.add_exception_handler(RequestValidationError, _handle)
    if options.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.allowed_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Guard, api_keys=options.api_keys, allowed_origins=options.allowed_origins)
    # Added last, so outermost: a refused request has an id and a log line too.
    app.add_middleware(RequestLog)
    return app


async def _handle(request: Request, error: Exception) -> Response:
    match error:
        case OCAError():
            return answer_of(error).response()
        case RequestValidationError():
            first = error.errors()[0]
            param = str(first["loc"][-1])
            return answer_of(InvalidRequestError(f"{param}: {first['msg']}.", param=param)).response()
        case HTTPException():
            return _http_error(request, error).response()
        case _:
            raise error


def _http_error(request: Request, error: HTTPException) -> ErrorAnswer:
    """What the router itself refuses: an address or a method that there is not."""
    asked = f"{request.method} {request.url.path}"
    message = {
        404: f"There is no {asked} here. The API's root is /v1: check the client's base_url.",
        405: f"{asked} is not allowed.",
    }.get(error.status_code, str(error.detail))
    code = {404: "unknown_url", 405: "method_not_allowed"}.get(error.status_code)
    return ErrorAnswer(
        status=error.status_code,
        body=encode_error(message, type="invalid_request_error", code=code),
        headers=tuple((error.headers or {}).items()),
    )

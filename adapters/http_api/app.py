"""The application: routes, guards, and errors in OpenAI's shape."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http_api.errors import ErrorAnswer, answer_of
from adapters.http_api.fast_path.admission import FastPath
from adapters.http_api.fields import Fields
from adapters.http_api.guard import Gate, Guard
from adapters.http_api.health import health_router
from adapters.http_api.language import language_of
from adapters.http_api.metrics import Metrics
from adapters.http_api.metrics_route import metrics_router
from adapters.http_api.models import models_router
from adapters.http_api.options import ServerOptions
from adapters.http_api.relay import RelayRoad, is_relayed, relay_router
from adapters.http_api.request_log import RequestLog
from adapters.wire.openai_errors import encode_error
from domain.errors import InvalidRequestError, OCAError
from domain.words import Language, Text
from ports.gateway import AsyncChatGateway


def build_app(
    gateway: AsyncChatGateway,
    options: ServerOptions,
    *,
    version: str,
    aclose: Callable[[], Awaitable[None]],
    beside: Sequence[Callable[[], Coroutine[None, None, None]]] = (),
    metrics: Metrics | None = None,
    write_line: Callable[..., None] | None = None,
) -> "Application":
    """The ASGI application over a gateway.

    `beside` runs as long as the server does; `aclose` is awaited when it has stopped. `write_line` takes a request's
    line in the log.
    """
    counted = metrics or Metrics()

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
    app.include_router(relay_router())
    app.include_router(health_router(gateway, options.language))
    app.include_router(metrics_router(counted))
    handle = _handler(options)
    for refused in (OCAError, HTTPException, RequestValidationError):
        app.add_exception_handler(refused, handle)
    gate = Gate(api_keys=options.api_keys, allowed_origins=options.allowed_origins)
    # The last one is the outermost: a refused request has an id and a log line too.
    steps = [
        *_cross_origin(options),
        Middleware(Guard, gate=gate, language=options.language),
        Middleware(RequestLog, metrics=counted, write=write_line, language=options.language),
    ]
    relay: ASGIApp = RelayRoad(gateway, options, counted)
    for step in steps:
        app.add_middleware(step.cls, *step.args, **step.kwargs)
        relay = step.cls(relay, *step.args, **step.kwargs)

    fast_path = None
    if options.fast_path:
        fast_path = FastPath(gateway, options, gate=gate, metrics=counted, write=write_line)
    return Application(relay, app, fast_path)


class Application:
    """The relayed operations and all others, as one ASGI application.

    `fast_path` is for `FastPathProtocol`; a server that does not know it calls the application for every request.
    """

    def __init__(self, relay: ASGIApp, others: ASGIApp, fast_path: FastPath | None) -> None:
        self._relay = relay
        self._others = others
        self.fast_path = fast_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._relay if is_relayed(scope) else self._others)(scope, receive, send)


def _cross_origin(options: ServerOptions) -> list[Middleware]:
    if not options.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(options.allowed_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after"],
        )
    ]


def _handler(options: ServerOptions) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        language = language_of(Fields.of(request.scope), options.language)
        match error:
            case OCAError():
                return answer_of(error, language).response()
            case RequestValidationError():
                first = error.errors()[0]
                param = str(first["loc"][-1])
                # The words of the library that has checked it.
                return answer_of(InvalidRequestError(f"{param}: {first['msg']}.", param=param), language).response()
            case HTTPException():
                return _http_error(request, error, language).response()
            case _:
                raise error

    return handle


def _http_error(request: Request, error: HTTPException, language: Language) -> ErrorAnswer:
    """What the router itself refuses: an address or a method that there is not."""
    asked = f"{request.method} {request.url.path}"
    message = {
        404: Text(
            f"There is no {asked} here. The API's root is /v1: check the client's base_url.",
            f"此处没有 {asked}。API 的根路径是 /v1：请检查客户端的 base_url。",
        ),
        405: Text(f"{asked} is not allowed.", f"不允许 {asked}。"),
    }.get(error.status_code, Text.of(str(error.detail)))
    code = {404: "unknown_url", 405: "method_not_allowed"}.get(error.status_code)
    return ErrorAnswer(
        status=error.status_code,
        body=encode_error(message.told_in(language), type="invalid_request_error", code=code),
        headers=tuple((error.headers or {}).items()),
    )

"""The server as an ASGI application: `uvicorn entrypoints.api:app`."""

import sys
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from adapters.http_api.app import build_app
from adapters.http_api.options import ServerOptions
from config.container import Container, build_container
from config.logging import configure_logging
from config.settings import Settings, load_settings
from domain.errors import ConfigurationError

CONFIGURATION_EXIT = 3


def create_app(container: Container) -> FastAPI:
    """The application over a container's gateway."""
    settings: Settings = container.settings()
    options = ServerOptions(
        default_model=settings.llm_model_name or "",
        api_keys=tuple(key.get_secret_value() for key in settings.oca_api_keys),
        allowed_origins=settings.oca_allowed_origins,
        max_body_bytes=settings.oca_max_body_bytes,
        keep_alive=settings.keep_alive_interval,
    )
    gateway = container.asyncio_gateway()
    idle_limit = settings.idle_limit
    return build_app(
        gateway,
        options,
        beside=() if idle_limit is None else (partial(gateway.keep_login_alive, idle_limit),),
        version=version("oca-gateway"),
        aclose=container.asyncio_driver().aclose,
    )


def __getattr__(name: str) -> FastAPI:
    """Make `app` when a server asks for it, so that importing this module does nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        return create_app(build_container(settings))
    except ConfigurationError as error:
        print(*error.problems, sep="\n", file=sys.stderr)  # noqa: T201 - there is no log yet
        sys.exit(CONFIGURATION_EXIT)

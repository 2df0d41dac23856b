"""The server as an ASGI application: `uvicorn entrypoints.api:app`."""

import gc
import sys
from functools import partial
from importlib.metadata import version

from starlette.types import ASGIApp

from adapters.http_api.app import Application, build_app
from adapters.http_api.metrics import Metrics
from adapters.http_api.options import ServerOptions
from config.container import Container, build_container
from config.environment import person_language, shared_metrics
from config.logging import configure_logging, line_writer
from config.settings import Need, Settings, load_settings
from domain.errors import ConfigurationError

CONFIGURATION_EXIT = 3


def create_app(container: Container) -> Application:
    """The application over a container's gateway."""
    settings: Settings = container.settings()
    options = ServerOptions(
        default_model=settings.llm_model_name or "",
        api_keys=tuple(key.get_secret_value() for key in settings.oca_api_keys),
        allowed_origins=settings.oca_allowed_origins,
        max_body_bytes=settings.oca_max_body_bytes,
        keep_alive=settings.keep_alive_interval,
        language=person_language(settings.env_file),
        fast_path=settings.oca_fast_path,
    )
    gateway = container.asyncio_gateway()
    idle_limit = settings.idle_limit
    return build_app(
        gateway,
        options,
        beside=() if idle_limit is None else (partial(gateway.keep_login_alive, idle_limit),),
        version=version("oca-gateway"),
        aclose=container.server_driver().aclose,
        metrics=Metrics(token_events=container.token_counts().counts, shared=shared_metrics()),
        write_line=line_writer("oca.http"),
    )


def __getattr__(name: str) -> ASGIApp:
    """Make `app` when a server asks for it, so that importing this module does nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        settings = load_settings(Need.SERVER)
        configure_logging(settings.log_level, settings.log_format)
        app = create_app(build_container(settings))
    except ConfigurationError as error:
        language = person_language()
        print(*(each.told_in(language) for each in error.problems), sep="\n", file=sys.stderr)  # noqa: T201 - no log yet
        sys.exit(CONFIGURATION_EXIT)
    settle()
    return app


def settle() -> None:
    """What has been made so far stays: the garbage collector need not look at it again, nor at every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)

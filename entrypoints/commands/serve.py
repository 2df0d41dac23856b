"""`oca serve`, `oca demo`, `oca ui`: what runs until it is stopped."""

from typing import Annotated

import typer

from entrypoints.commands.options import EnvFile
from entrypoints.console import Console, console_of

Port = Annotated[int | None, typer.Option(help="Port to listen on.", show_default="OCA_PORT, else 8000")]


def register(app: typer.Typer) -> None:
    for command in (serve, ui, demo):
        app.command()(command)


def serve(  # noqa: PLR0917 - Typer reads the signature
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="OCA_HOST, else 127.0.0.1")
    ] = None,
    port: Port = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; they share one login.")] = 1,
    env_file: EnvFile = None,
    demo_if_unconfigured: Annotated[
        bool, typer.Option("--demo-if-unconfigured", help="Serve the sandbox when no account is configured at all.")
    ] = False,
) -> None:
    """Serve the OpenAI-compatible API for the account in .env."""
    from config.environment import nothing_configured
    from config.settings import Need, load_settings
    from entrypoints.lean import import_leanly

    import_leanly()
    from entrypoints.serving import serve as run

    console = console_of(context)
    overrides = _overrides(host, port)
    if demo_if_unconfigured and nothing_configured(env_file=env_file):
        _demo(overrides, console)
        return
    run(load_settings(Need.SERVER, env_file=env_file, overrides=overrides), console, workers=workers)


def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8501,
    env_file: EnvFile = None,
) -> None:
    """Serve the chat page on this machine; on the sandbox while no account is configured."""
    from entrypoints.page_server import serve_page

    serve_page(console_of(context), port=port, env_file=env_file)


def demo(
    context: typer.Context,
    port: Port = None,
    page_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the chat page.")] = 8501,
    no_page: Annotated[bool, typer.Option("--no-page", help="Serve the API alone.")] = False,
) -> None:
    """Serve the built-in sandbox and the chat page on it: no account needed, everything else is real."""
    _demo(_overrides(None, port), console_of(context), page_port=None if no_page else page_port)


def _demo(overrides: dict[str, str], console: Console, *, page_port: int | None = None) -> None:
    from contextlib import nullcontext

    from entrypoints.page_server import page_beside
    from entrypoints.sandboxed import sandboxed_settings
    from entrypoints.serving import serve as run

    with sandboxed_settings(overrides) as settings:
        page = nullcontext() if page_port is None else page_beside(settings.env_file, console, port=page_port)
        run(settings, console, sandbox=True, page=page)


def _overrides(host: str | None, port: int | None) -> dict[str, str]:
    given = {"OCA_HOST": host, "OCA_PORT": None if port is None else str(port)}
    return {key: value for key, value in given.items() if value is not None}

"""`oca serve`, `oca demo`, `oca ui`: what runs until it is stopped."""

from typing import Annotated

import typer

from entrypoints.commands.options import EnvFile

Port = Annotated[int | None, typer.Option(help="Port to listen on.", show_default="OCA_PORT, else 8000")]


def register(app: typer.Typer) -> None:
    for command in (serve, ui, demo):
        app.command()(command)


def serve(
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
    from config.settings import load_settings
    from entrypoints.serving import serve as run

    overrides = _overrides(host, port)
    if demo_if_unconfigured and nothing_configured(env_file=env_file):
        _demo(overrides)
        return
    run(load_settings(env_file=env_file, overrides=overrides), workers=workers)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8501,
    env_file: EnvFile = None,
) -> None:
    """Serve the chat page on this machine; on the sandbox while no account is configured."""
    from entrypoints.page_server import serve_page

    serve_page(port=port, env_file=env_file)


def demo(port: Port = None) -> None:
    """Serve the built-in sandbox: no account needed, everything else is real."""
    _demo(_overrides(None, port))


def _demo(overrides: dict[str, str]) -> None:
    from entrypoints.sandboxed import sandboxed_settings
    from entrypoints.serving import serve as run

    with sandboxed_settings(overrides) as settings:
        run(settings, sandbox=True)


def _overrides(host: str | None, port: int | None) -> dict[str, str]:
    given = {"OCA_HOST": host, "OCA_PORT": None if port is None else str(port)}
    return {key: value for key, value in given.items() if value is not None}

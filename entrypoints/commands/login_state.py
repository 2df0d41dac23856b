"""`oca token`, `oca status`: what a login yields, and where it stands."""

import sys

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    for command in (token, status):
        app.command()(command)


def token(context: typer.Context, env_file: EnvFile = None) -> None:
    """Print a valid access token and nothing else; safe beside running servers."""
    from adapters.gateway.token_manager import OCAOauth2TokenManager
    from config.logging import configure_logging
    from config.settings import Need, load_settings

    settings = load_settings(Need.LOGIN, env_file=env_file)
    configure_logging("ERROR", settings.log_format)
    console_of(context).data(OCAOauth2TokenManager(settings=settings).get_access_token(wait_when_stale=True))


def status(context: typer.Context, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Show where the login stands and what has happened to it; asks no server, prints no token."""
    from entrypoints.status import look

    report = look(env_file)
    if as_json:
        from entrypoints.status_document import status_document

        console_of(context).data(status_document(report))
    else:
        from entrypoints.status_screen import draw

        draw(report, sys.stdout)
    raise typer.Exit(report.exit_code)

"""`oca token`, `oca status`: what a login yields, and where it stands."""

from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    for command in (token, status):
        app.command()(command)


def token(
    context: typer.Context,
    min_ttl: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="How long the token must last at least.")
    ] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a valid access token and nothing else; safe beside running servers."""
    from datetime import timedelta

    from config.container import build_container
    from config.logging import configure_logging
    from config.settings import Need, load_settings
    from domain.words import Text
    from entrypoints.token_output import too_short, valid_token

    console = console_of(context)
    settings = load_settings(Need.LOGIN, env_file=env_file)
    configure_logging("ERROR", settings.log_format)
    # A longer one than any token lasts is as good as that one, and no sum of times can overflow.
    wanted = None if min_ttl is None else timedelta(seconds=min(min_ttl, 366 * 86_400.0))
    with console.working(Text("Renewing the login ...", "正在续期……")):
        found = valid_token(build_container(settings), wanted)
    warning = too_short(found, wanted)
    if warning is not None:
        console.say(warning)
    if as_json:
        console.document(found.document())
    else:
        console.data(found.access_token)


def status(context: typer.Context, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Show where the login stands and what has happened to it; asks no server, prints no token."""
    from entrypoints.status import look

    console = console_of(context)
    report = look(env_file)
    if as_json:
        from entrypoints.status_document import status_document

        console.document(status_document(report, console.language))
    else:
        from entrypoints.status_screen import screen

        console.data(screen(report, console))
    raise typer.Exit(report.exit_code)

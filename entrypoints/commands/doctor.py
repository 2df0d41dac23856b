"""`oca doctor`: find what is wrong, and say what mends it."""

from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    context: typer.Context,
    env_file: EnvFile = None,
    as_json: AsJson = False,
    offline: Annotated[bool, typer.Option("--offline", help="Look at this machine only; ask no server.")] = False,
) -> None:
    """Check settings, network, TLS, login, model and streaming; say what mends each fault. Prints no secret."""
    from config.logging import configure_logging
    from entrypoints.checkup_run import check_up

    # What goes wrong is told in the report.
    configure_logging("CRITICAL", "console")
    raise typer.Exit(check_up(console_of(context), env_file, as_json=as_json, offline=offline))

"""`oca models`: what there is to ask."""

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    app.command()(models)


def models(context: typer.Context, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """List the models on offer: context window, prices per million tokens, APIs; the default is marked."""
    from config.container import build_container
    from config.logging import configure_logging
    from entrypoints.account import account_or_sandbox
    from entrypoints.model_list import show_models

    console = console_of(context)
    with account_or_sandbox(env_file, console) as settings:
        configure_logging("CRITICAL", settings.log_format)
        show_models(build_container(settings), console, as_json=as_json)

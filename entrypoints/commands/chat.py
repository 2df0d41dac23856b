"""`oca chat`: ask the model."""

import sys
from typing import Annotated

import typer

from entrypoints.commands.options import EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    app.command()(chat)


def chat(
    context: typer.Context,
    prompt: Annotated[str | None, typer.Argument(help="The question; without it, standard input.")] = None,
    env_file: EnvFile = None,
    show: Annotated[
        bool, typer.Option("--demo", help="Show streaming, a whole answer, and streaming in asyncio, in turn.")
    ] = False,
) -> None:
    """Ask the model for one answer; on the sandbox while no account is configured."""
    from langchain_core.exceptions import ModelError

    from domain.errors import OCAError
    from entrypoints.bilingual import exit_code
    from entrypoints.chat_demo import QUESTION, demo_settings, demonstrate, model_for

    console = console_of(context)
    try:
        if show:
            demonstrate(prompt or QUESTION, env_file=env_file)
            return
        question = prompt or ("" if sys.stdin.isatty() else sys.stdin.read()).strip()
        if not question:
            raise typer.BadParameter('There is no question. Try: oca chat "Hello!"')
        with demo_settings(env_file) as settings:
            for chunk in model_for(settings).stream(question):
                console.data(chunk.text, end="")
            console.data("")
    except ModelError as error:
        # What we raised ourselves stands behind it, and knows the exit code.
        if isinstance(error.__cause__, OCAError):
            console.say()
            console.say(str(error))
            raise typer.Exit(exit_code(error.__cause__)) from error
        raise

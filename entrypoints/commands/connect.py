"""`oca connect`: the configuration of other programs."""

from pathlib import Path
from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.completing import client_names
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    app.command()(connect)


def connect(
    context: typer.Context,
    client: Annotated[
        str | None,
        typer.Argument(
            help="openai, langchain, codex, claude-code, aider, continue, cline, opencode, open-webui or llm; "
            "without it, they are listed.",
            autocompletion=client_names,
        ),
    ] = None,
    *,
    model: Annotated[str | None, typer.Option(help="The model to use.", show_default="LLM_MODEL_NAME")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The gateway's address.", show_default="made of OCA_HOST and OCA_PORT")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Edit the client's file; it is backed up first.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what --write did.")] = False,
    file: Annotated[Path | None, typer.Option(help="Another file than the client's own.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without being asked.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a client's configuration for this gateway, or write it into the client's file; asks no server."""
    from entrypoints.connecting import Wish
    from entrypoints.connecting import connect as run
    from entrypoints.usage import usage_told

    console = console_of(context)
    wish = Wish(
        env_file=env_file, model=model, base_url=base_url, file=file, write=write, undo=undo, yes=yes, as_json=as_json
    )
    with usage_told(console):
        run(console, client, wish)

"""`oca config`: the settings file, looked at and changed."""

from collections.abc import Callable
from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.completing import assignments, setting_keys, shown_keys
from entrypoints.console import console_of

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without being asked.")]

config = typer.Typer(
    name="config", help="Look at the settings in .env and change them; tokens stay as they are.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    commands: tuple[Callable[..., None], ...] = (init, get, set_, path)
    for command in commands:
        config.command(command.__name__.rstrip("_"))(command)
    app.add_typer(config)


def path(context: typer.Context, env_file: EnvFile = None) -> None:
    """Print where the settings file is."""
    from config.environment import env_file_of

    console_of(context).data(str(env_file_of(env_file)))


def get(
    context: typer.Context,
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="The settings to show; without one, all of them.", autocompletion=shown_keys),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print secrets too, and not just their fingerprints.")
    ] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what each setting is, and whether that comes from the file, the environment or the defaults."""
    from entrypoints.config_editing import get as run
    from entrypoints.usage import usage_told

    console = console_of(context)
    with usage_told(console):
        found = run(console, keys or [], env_file=env_file, as_json=as_json, show_secrets=show_secrets)
        raise typer.Exit(0 if found else 1)


def set_(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings and their values; or one KEY and a VALUE.",
            autocompletion=setting_keys,
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="A setting to leave empty.", autocompletion=setting_keys),
    ] = None,
    yes: Yes = False,
    env_file: EnvFile = None,
) -> None:
    """Check values and write them into .env, safely beside running servers; everything else in it stays as it is."""
    from entrypoints.config_editing import set_values, wanted_values
    from entrypoints.usage import usage_told

    console = console_of(context)
    with usage_told(console):
        set_values(console, wanted_values(words or [], unset or []), env_file=env_file, yes=yes)


def init(
    context: typer.Context,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="An answer given in advance; may be repeated.",
            autocompletion=assignments,
        ),
    ] = None,
    no_test: Annotated[bool, typer.Option("--no-test", help="Ask no server whether the answers work.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take what there is and what --set gives.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Fill in .env step by step: every answer is tested, and the difference shown before it is written."""
    from domain.words import Text
    from entrypoints.config_editing import wanted_values
    from entrypoints.config_wizard import init as run
    from entrypoints.config_wizard import wants_login
    from entrypoints.usage import UsageError, usage_told

    console = console_of(context)
    with usage_told(console):
        if not (yes or console.interactive):
            raise UsageError(
                Text(
                    "Nobody can be asked here. Give the answers with --set KEY=VALUE, and add --yes.",
                    "此处无法询问。请用 --set KEY=VALUE 给出答案，并加上 --yes。",
                )
            )
        values = wanted_values([*given], []) if given else {}
        written = run(console, env_file=env_file, given=values, yes=yes, tested=not no_test)
        if wants_login(console, written):
            root = context.find_root().command
            words = ["--lang", console.language.value, "login", "--env-file", str(written)]
            code: object = root.main(words, prog_name="oca", standalone_mode=False)
            raise typer.Exit(code if isinstance(code, int) else 0)

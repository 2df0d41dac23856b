"""The command line, `oca`. What each command takes stands in `entrypoints/commands`."""

import signal
import sys
import threading
from typing import Annotated, Never

import typer

from entrypoints.bilingual import LANG, BilingualGroup
from entrypoints.commands import chat, config, connect, doctor, login, login_state, models, serve
from entrypoints.console import console_of

# The name of the thread of adapters.gateway.refresher, which is not imported just for this.
REFRESH_THREAD = "oca-token-refresh"
INTERRUPTED_EXIT = 130

app = typer.Typer(
    name="oca",
    cls=BilingualGroup,
    help="Keep an OAuth 2.0 login alive and give the chat model behind it to any OpenAI client.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 login needed, 5 cannot reach, 6 upstream error, "
    "130 interrupted.",
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
    _language: Annotated[
        str | None,
        typer.Option(
            LANG,
            help="Language of the messages: en or zh.",
            show_default="OCA_LANG, else the locale",
            autocompletion=lambda: ["en", "zh"],
        ),
    ] = None,
) -> None:
    if show_version:
        # Slow to load, and nothing else here needs it.
        from importlib.metadata import version  # noqa: PLC0415

        console_of(context).data(version("oca-gateway"))
        raise typer.Exit


for commands in (serve, login, login_state, models, chat, config, connect, doctor):
    commands.register(app)


def _terminate(_signal: int, _frame: object) -> Never:
    _last_words()
    sys.exit(128 + signal.SIGTERM)


def _last_words() -> None:
    """Let a token request that is under way store what it buys; it is awaited at the interpreter's exit.

    From here on a second Ctrl-C does nothing: it would cut that short, and cost the login.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if any(thread.name == REFRESH_THREAD for thread in threading.enumerate()):
        print("Waiting for the token endpoint, so that the login is not lost; at most 30 s ...", file=sys.stderr)


def main() -> None:
    """Run `oca`. Errors are lines on standard error; the exit code tells their kind."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as stop:
        # Typer makes an exit of 130 of Ctrl-C; commands that are done exit as well.
        code = INTERRUPTED_EXIT if isinstance(stop, KeyboardInterrupt) else stop.code
        if code == INTERRUPTED_EXIT:
            _last_words()
        sys.exit(code)

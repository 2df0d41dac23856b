"""The command line, `oca`. What each command takes stands in `entrypoints/commands`."""

import errno
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Never

import typer

from domain.words import Text
from entrypoints.bilingual import LANG, BilingualGroup
from entrypoints.commands import chat, config, connect, doctor, login, login_state, models, serve
from entrypoints.console import Console, console_of, speakable

# The name of the thread of adapters.gateway.refresher, which is not imported just for this.
REFRESH_THREAD = "oca-token-refresh"
INTERRUPTED_EXIT = 130
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})

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


def _open_closed_streams() -> None:
    """Let a standard stream that whoever started us had closed (`>&-`) be empty, and swallow what is written."""
    # In this order they get their own numbers again, which a file of ours would get else.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for good


def _say_full(error: OSError) -> None:
    """Tell that the output could not be written, and let the interpreter's exit not try again."""
    from config.environment import person_language  # noqa: PLC0415 - when something went wrong
    from domain.system_words import system_words  # noqa: PLC0415

    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
    why = system_words(error)
    told = Text(f"The output could not be written: {why.en}.", f"无法写出结果：{why.zh}。")
    Console(speakable(person_language())).say(told)


def main() -> None:
    """Run `oca`. Errors are lines on standard error; the exit code tells their kind."""
    _open_closed_streams()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _say_full(error)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Typer makes an exit of 130 of Ctrl-C; commands that are done exit as well.
        code = INTERRUPTED_EXIT if isinstance(stop, KeyboardInterrupt) else stop.code
        if code == INTERRUPTED_EXIT:
            _last_words()
        sys.exit(code)

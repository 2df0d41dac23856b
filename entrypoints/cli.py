"""The command line, `oca`. Heavy imports wait inside the commands, so that `oca --help` answers at once."""

import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Never

import typer

from domain.errors import (
    ConfigurationError,
    LoginRequiredError,
    OCAError,
    TokenEndpointUnavailableError,
    UpstreamError,
)

# The name of the thread of adapters.gateway.refresher, which is not imported just for this.
REFRESH_THREAD = "oca-token-refresh"
INTERRUPTED_EXIT = 130

app = typer.Typer(
    name="oca",
    help="Keep an OAuth 2.0 login alive and give the chat model behind it to any OpenAI client.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 login needed, 5 cannot reach, 6 upstream error, "
    "130 interrupted.",
)

EnvFile = Annotated[
    Path | None,
    typer.Option("--env-file", help="The .env file: settings and tokens.", show_default="OCA_ENV_FILE, else ./.env"),
]


@app.callback(invoke_without_command=True)
def root(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if show_version:
        print(version("oca-gateway"))
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="OCA_HOST, else 127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="OCA_PORT, else 8000")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; they share one login.")] = 1,
    env_file: EnvFile = None,
    demo_if_unconfigured: Annotated[
        bool, typer.Option("--demo-if-unconfigured", help="Serve the sandbox when no account is configured at all.")
    ] = False,
) -> None:
    """Serve the OpenAI-compatible API for the account in .env."""
    from config.settings import load_settings, nothing_configured
    from entrypoints.serving import serve as run

    overrides = _overrides(host, port)
    if demo_if_unconfigured and nothing_configured(env_file=env_file):
        _demo(overrides)
        return
    run(load_settings(env_file=env_file, overrides=overrides), workers=workers)


@app.command()
def token(env_file: EnvFile = None) -> None:
    """Print a valid access token and nothing else; safe beside running servers."""
    from adapters.gateway.token_manager import OCAOauth2TokenManager
    from config.logging import configure_logging
    from config.settings import Need, load_settings

    settings = load_settings(Need.LOGIN, env_file=env_file)
    configure_logging("ERROR", settings.log_format)
    print(OCAOauth2TokenManager(settings=settings).get_access_token(wait_when_stale=True))


@app.command()
def status(
    env_file: EnvFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Show where the login stands and what has happened to it; asks no server, prints no token."""
    from entrypoints.status import look

    report = look(env_file)
    if as_json:
        from entrypoints.status_document import status_document

        print(status_document(report))
    else:
        from entrypoints.status_screen import draw

        draw(report, sys.stdout)
    raise typer.Exit(report.exit_code)


@app.command()
def chat(
    prompt: Annotated[str | None, typer.Argument(help="The question; without it, standard input.")] = None,
    env_file: EnvFile = None,
    show: Annotated[
        bool, typer.Option("--demo", help="Show streaming, a whole answer, and streaming in asyncio, in turn.")
    ] = False,
) -> None:
    """Ask the model for one answer; on the sandbox while no account is configured."""
    from langchain_core.exceptions import ModelError

    from entrypoints.chat_demo import QUESTION, demo_settings, demonstrate, model_for

    try:
        if show:
            demonstrate(prompt or QUESTION, env_file=env_file)
            return
        question = prompt or ("" if sys.stdin.isatty() else sys.stdin.read()).strip()
        if not question:
            raise typer.BadParameter('There is no question. Try: oca chat "Hello!"')
        with demo_settings(env_file) as settings:
            for chunk in model_for(settings).stream(question):
                print(chunk.text, end="", flush=True)
            print()
    except ModelError as error:
        # What we raised ourselves stands behind it, and knows the exit code.
        if isinstance(error.__cause__, OCAError):
            print(file=sys.stderr)
            print(error, file=sys.stderr)
            raise typer.Exit(_exit_code(error.__cause__)) from error
        raise


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8501,
    env_file: EnvFile = None,
) -> None:
    """Serve the chat page on this machine; on the sandbox while no account is configured."""
    from entrypoints.page_server import serve_page

    serve_page(port=port, env_file=env_file)


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="OCA_PORT, else 8000")] = None,
) -> None:
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


def _exit_code(error: OCAError) -> int:
    match error:
        case ConfigurationError():
            return 3
        case LoginRequiredError():
            return 4
        case TokenEndpointUnavailableError():
            return 5
        case UpstreamError():
            return 6
        case _:
            return 1


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
    except OCAError as error:
        print(error, file=sys.stderr)
        sys.exit(_exit_code(error))
    except (KeyboardInterrupt, SystemExit) as stop:
        # Typer makes an exit of 130 of Ctrl-C; commands that are done exit as well.
        code = INTERRUPTED_EXIT if isinstance(stop, KeyboardInterrupt) else stop.code
        if code == INTERRUPTED_EXIT:
            _last_words()
        sys.exit(code)

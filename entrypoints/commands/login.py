"""`oca login`, `oca logout`."""

from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import console_of


def register(app: typer.Typer) -> None:
    for command in (login, logout):
        app.command()(command)


def login(
    context: typer.Context,
    *,
    browser: Annotated[
        bool, typer.Option("--browser", help="By the browser of this machine, also over SSH or without a display.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="As --browser, but only print the address, and open nothing.")
    ] = False,
    device: Annotated[bool, typer.Option("--device", help="By a code that is entered on any other device.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="By the browser of another machine, whose last address is pasted here.")
    ] = False,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="By a refresh token on standard input, which is tried first.")
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="What sort of server it is: oidc or idcs.", show_default="OAUTH_PRESET")
    ] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Log in and keep the login in .env; running servers pick it up at once."""
    from config.container import build_container
    from config.logging import configure_logging
    from config.settings import Need, load_settings
    from entrypoints.logging_in import LoggingIn, Way
    from entrypoints.login_report import login_document, told_login
    from entrypoints.login_ways import given_refresh_token, require_one

    console = console_of(context)
    chosen = require_one(
        console, {Way.BROWSER: browser or no_browser, Way.DEVICE: device, Way.PASTE: paste, Way.TOKEN: with_token}
    )
    overrides = {} if preset is None else {"OAUTH_PRESET": preset}
    settings = load_settings(Need.LOGGING_IN, env_file=env_file, overrides=overrides)
    configure_logging("ERROR", settings.log_format)
    token = given_refresh_token(console) if chosen is Way.TOKEN else ""
    # Without the seed: it must not be stored first, as a login that there was.
    container = build_container(settings.model_copy(update={"seed_refresh_token": None}))
    way, logged_in = LoggingIn(container, console).run(chosen, opens_browser=not no_browser, refresh_token=token)
    for line in told_login(settings, logged_in, container.clock().now()):
        console.say(line)
    if as_json:
        console.document(login_document(settings, way, logged_in))


def logout(
    context: typer.Context,
    revoke: Annotated[bool, typer.Option("--revoke", help="Have the server end the login first.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget the login; the settings in .env stay."""
    from config.container import build_container
    from config.logging import configure_logging
    from config.settings import Need, load_settings
    from entrypoints.logging_out import exit_code_of, log_out, logout_document, told_logout

    console = console_of(context)
    settings = load_settings(Need.LOGGING_IN if revoke else Need.LOGGING_OUT, env_file=env_file)
    configure_logging("ERROR", settings.log_format)
    container = build_container(settings.model_copy(update={"seed_refresh_token": None}))
    done = log_out(container, console, revoke=revoke)
    for line in told_logout(settings, done):
        console.say(line)
    if as_json:
        console.document(logout_document(settings, done))
    raise typer.Exit(exit_code_of(done))

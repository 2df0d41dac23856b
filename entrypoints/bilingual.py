"""The group of all commands: it knows the person's language, and turns errors into lines and exit codes."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from config.environment import person_language
from domain.errors import (
    ConfigurationError,
    LoginRequiredError,
    NotLoggedInError,
    OCAError,
    TokenEndpointUnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.words import Language, Text
from entrypoints.console import Console, speakable

LANG = "--lang"


def exit_code(error: OCAError) -> int:
    """What a script is told of an error; the table stands in the README."""
    match error:
        case LoginRequiredError() | NotLoggedInError():
            return 4
        case ConfigurationError():
            return 3
        case TokenEndpointUnavailableError() | UpstreamUnreachableError() | UpstreamTimeoutError():
            return 5
        case UpstreamError():
            return 6
        case _:
            return 1


class BilingualGroup(TyperGroup):
    """`--lang` may stand anywhere; an OCAError is its message on standard error and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        if not (sys.stdout.isatty() and sys.stderr.isatty()):
            # Frames and colours are for people who watch; without them the help is there in half the time.
            _without_frames(self)
        return super().main(*args, **kwargs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        chosen, rest = _without_language(args)
        env_file = _value_of("--env-file", args)
        language = speakable(Language.named(chosen) or person_language(env_file))
        ctx.obj = Console(language)
        if language is Language.CHINESE:
            from entrypoints.help_in_chinese import put_into_chinese  # noqa: PLC0415 - read by few

            put_into_chinese(self, ctx)
        if not ctx.resilient_parsing:
            # Completion has one line for each.
            _told_whole(self)
        with _usage_told(ctx):
            if chosen is not None and Language.named(chosen) is None:
                raise typer.BadParameter(
                    ctx.obj.told(
                        Text(f"{LANG} takes en or zh, not {chosen!r}.", f"{LANG} 的值为 en 或 zh，而不是 {chosen!r}。")
                    ),
                    ctx=ctx,
                )
            return super().parse_args(ctx, rest)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _usage_told(ctx):
                return super().invoke(ctx)
        except OCAError as error:
            from entrypoints.error_words import error_told  # noqa: PLC0415 - when something went wrong

            ctx.obj.say(error_told(error))
            raise typer.Exit(exit_code(error)) from error


@contextmanager
def _usage_told(context: Any) -> Generator[None, None, None]:
    """Wrong usage is told in Chinese where that is wanted; else Typer tells it."""
    try:
        yield
    except TyperException as error:
        if context.obj.language is not Language.CHINESE:
            raise
        from entrypoints.usage_in_chinese import wrong_usage  # noqa: PLC0415 - when something went wrong

        told = wrong_usage(error)
        if told is None:
            raise
        context.obj.say(told)
        raise typer.Exit(2) from error


def _without_frames(command: Any) -> None:
    """Let a command and all below it do without rich, which takes long to load."""
    command.rich_markup_mode = None
    for each in getattr(command, "commands", {}).values():
        _without_frames(each)


def _told_whole(command: Any) -> None:
    """Let lists of commands tell them whole, and not cut at the width of a line."""
    command.short_help = command.short_help or command.help
    for each in getattr(command, "commands", {}).values():
        _told_whole(each)


def _value_of(option: str, args: Sequence[str]) -> str | None:
    for at, each in enumerate(args):
        if each == "--":
            break
        if each == option and at + 1 < len(args):
            return args[at + 1]
        if each.startswith(f"{option}="):
            return each.partition("=")[2]
    return None


def _without_language(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """The value of `--lang`, wherever it stands before `--`, and the other arguments."""
    chosen = _value_of(LANG, args)
    rest: list[str] = []
    skip = False
    for at, each in enumerate(args):
        if skip:
            skip = False
        elif each == "--":
            rest += args[at:]
            break
        elif each == LANG:
            skip = True
        elif not each.startswith(f"{LANG}="):
            rest.append(each)
    return chosen, rest

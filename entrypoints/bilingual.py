"""The group of all commands: it knows the person's language, and turns errors into lines and exit codes."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from config.environment import person_language
from domain.errors import (
    ConfigurationError,
    LoginRequiredError,
    OCAError,
    TokenEndpointUnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.words import Language
from entrypoints.console import Console

LANG = "--lang"


def exit_code(error: OCAError) -> int:
    """What a script is told of an error; the table stands in the README."""
    match error:
        case ConfigurationError():
            return 3
        case LoginRequiredError():
            return 4
        case TokenEndpointUnavailableError() | UpstreamUnreachableError() | UpstreamTimeoutError():
            return 5
        case UpstreamError():
            return 6
        case _:
            return 1


class BilingualGroup(TyperGroup):
    """`--lang` may stand anywhere; an OCAError is its message on standard error and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        chosen, rest = _without_language(args)
        env_file = _value_of("--env-file", args)
        ctx.obj = Console(Language.named(chosen) or person_language(env_file))
        if chosen is not None and Language.named(chosen) is None:
            raise typer.BadParameter(f"{LANG} takes en or zh, not {chosen!r}.", ctx=ctx)
        return super().parse_args(ctx, rest)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OCAError as error:
            ctx.obj.say(error.text)
            raise typer.Exit(exit_code(error)) from error


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

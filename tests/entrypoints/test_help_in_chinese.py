"""The help in Chinese: all of it, and nothing in it that no command says."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from entrypoints.cli import app
from entrypoints.help_in_chinese import in_chinese, put_into_chinese
from entrypoints.help_texts_zh import HELP, METAVARS

# What Typer offers depends on whether it can tell the shell.
SHELLS = {"specified", "current"}


def every_command() -> list[tuple[Any, Any]]:
    """Each with the context that its parameters are asked in."""
    group: Any = typer.main.get_command(app)
    context = group.context_class(group, help_option_names=["-h", "--help"])
    found: list[tuple[Any, Any]] = []
    open_ = [group]
    while open_:
        command = open_.pop()
        command.get_help_option(context)
        found.append((command, context))
        open_ += getattr(command, "commands", {}).values()
    return found


def texts() -> Iterator[str]:
    for command, context in every_command():
        yield from (text for text in (command.help, command.short_help, command.epilog) if text)
        for parameter in command.get_params(context):
            yield from (text for text in (parameter.help, parameter.show_default) if text and isinstance(text, str))


def metavars() -> Iterator[str]:
    for command, _ in every_command():
        yield from (text for text in (command.options_metavar, getattr(command, "subcommand_metavar", None)) if text)


def test_every_help_text_of_every_command_has_its_chinese() -> None:
    missing = {cleandoc(text) for text in texts()} - HELP.keys()
    assert {text for text in missing if "completion for the specified shell" not in text} == set()
    assert set(metavars()) - METAVARS.keys() == set()


def test_nothing_is_translated_that_no_command_says() -> None:
    assert {text for text in HELP if not SHELLS & set(text.split())} - {cleandoc(text) for text in texts()} == set()
    assert METAVARS.keys() - set(metavars()) == set()


def test_english_help_can_be_written_in_any_encoding() -> None:
    assert [text for text in texts() if not text.isascii()] == []


@pytest.mark.parametrize("command", [[], ["chat"], ["status"], ["config"], ["config", "set"]])
def test_the_whole_help_is_chinese_when_it_is_wanted(command: list[str]) -> None:
    told = CliRunner().invoke(app, [*command, "--help", "--lang", "zh"]).stdout
    assert told.startswith("用法：")
    for english in ("Usage", "Options", "Arguments", "Commands:", "Show this message", "[OPTIONS]", "[default: "):
        assert english not in told
    # The next person in the same process gets English again.
    assert CliRunner().invoke(app, [*command, "--help", "--lang", "en"]).stdout.startswith("Usage: ")


def test_what_has_no_chinese_yet_stays_english() -> None:
    assert in_chinese("Nobody has said this.") == "Nobody has said this."
    assert in_chinese(None) is None
    put_into_chinese(*every_command()[0])

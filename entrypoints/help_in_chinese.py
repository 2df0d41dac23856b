"""The help of every command in Chinese, put in the place of the English one when it is wanted.

Typer knows one language. Its objects are typed as Any here, since the library under it is private to it.
"""

from collections.abc import Callable, Iterable
from inspect import cleandoc
from typing import Any

from entrypoints.help_texts_zh import HEADINGS, HELP, METAVARS

_USAGE = "用法："
_EXTRAS = {"[default: ": "[默认：", "; required]": "；必填]", "[required]": "[必填]"}


def put_into_chinese(group: Any, context: Any) -> None:
    """Translate a group and everything below it; `context` is the group's."""
    context.formatter_class = _formatters(context.formatter_class)
    _translate(group, context)
    for command in getattr(group, "commands", {}).values():
        command.context_class = _contexts(command.context_class)
        _below(command, context)


def _below(command: Any, context: Any) -> None:
    _translate(command, context)
    for each in getattr(command, "commands", {}).values():
        each.context_class = _contexts(each.context_class)
        _below(each, context)


def _translate(command: Any, context: Any) -> None:
    for name in ("help", "short_help", "epilog"):
        setattr(command, name, in_chinese(getattr(command, name)))
    command.options_metavar = METAVARS.get(command.options_metavar, command.options_metavar)
    if hasattr(command, "subcommand_metavar"):
        command.subcommand_metavar = METAVARS.get(command.subcommand_metavar, command.subcommand_metavar)
    command.rich_help_panel = HEADINGS["Commands"]
    for parameter in command.get_params(context):
        parameter.help = in_chinese(parameter.help)
        if isinstance(parameter.show_default, str):
            parameter.show_default = in_chinese(parameter.show_default)
        kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
        parameter.rich_help_panel = HEADINGS[kind]


def in_chinese(text: str | None) -> str | None:
    """The Chinese for a piece of help, or the English where there is none yet."""
    return text if text is None else HELP.get(cleandoc(text), text)


def _contexts(make: Callable[..., Any]) -> Callable[..., Any]:
    def context(*args: Any, **kwargs: Any) -> Any:
        made = make(*args, **kwargs)
        made.formatter_class = _formatters(made.formatter_class)
        return made

    return context


def _formatters(make: Callable[..., Any]) -> Callable[..., Any]:
    """Formatters whose own words are Chinese."""

    def formatter(**kwargs: Any) -> Any:
        made = make(**kwargs)
        write_usage, write_list = made.write_usage, made.write_dl

        def write_heading(heading: str) -> None:
            made.write(f"{'':>{made.current_indent}}{HEADINGS.get(heading, heading)}：\n")

        def usage(program: str, args: str = "", prefix: str | None = None) -> None:
            write_usage(program, args, prefix or _USAGE)

        def definitions(rows: Iterable[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
            write_list([(term, _extras(told)) for term, told in rows], *args, **kwargs)

        made.write_heading, made.write_usage, made.write_dl = write_heading, usage, definitions
        return made

    return formatter


def _extras(text: str) -> str:
    """What Typer adds to the help of an option."""
    for english, chinese in _EXTRAS.items():
        text = text.replace(english, chinese)
    return text

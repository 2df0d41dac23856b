"""The arguments of tool calls, read strictly: a call that breaks off must never be run."""

import json
from collections.abc import Iterable
from typing import Any, cast

from langchain_core.messages import InvalidToolCall
from langchain_core.messages import ToolCall as ReadToolCall
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.utils.json import parse_partial_json

from domain.chat import ToolCall

# One of them closes what is not open, wherever the text breaks off: outside a string, in one, or behind a `\` in it.
_SPOILERS = ("]", "}", '"]', '"}', '""]', '""}')


def read_tool_calls(calls: Iterable[ToolCall]) -> tuple[list[ReadToolCall], list[InvalidToolCall]]:
    """Calls as LangChain has them: those with arguments, and those whose arguments are no JSON object."""
    good: list[ReadToolCall] = []
    broken: list[InvalidToolCall] = []
    for call in calls:
        arguments, trouble = _read(call.arguments)
        if arguments is None:
            broken.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=trouble))
        else:
            good.append(tool_call(name=call.name, args=arguments, id=call.id))
    return good, broken


def end_of_arguments(text: str) -> str:
    """What must follow arguments that are complete, so that LangChain's forgiving reading of them is ours."""
    arguments, _ = _read(text)
    if arguments is not None:
        return "" if text.strip() or not text else "{}"
    return next((spoiler for spoiler in ("", *_SPOILERS) if not _is_forgiven(text + spoiler)), "")


def _read(text: str) -> tuple[dict[str, Any] | None, str]:
    # A tool without parameters is sometimes called with nothing at all.
    if not text.strip():
        return {}, ""
    try:
        # Not strict: models put line ends into strings as they are.
        arguments: object = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        return None, f"The arguments are not valid JSON: {error}"
    if not isinstance(arguments, dict):
        return None, "The arguments are JSON, but no object."
    return cast("dict[str, Any]", arguments), ""


def _is_forgiven(text: str) -> bool:
    try:
        return isinstance(parse_partial_json(text), dict)
    except (ValueError, RecursionError):
        return False

"""Which tools the sandbox calls, and with what arguments."""

import json
import re
from dataclasses import dataclass

from adapters.sandbox.chat_messages import last_user_message, text_of
from adapters.sandbox.chat_requests import ChatCall, FunctionTool
from adapters.sandbox.refusals import RefusedRequestError
from adapters.sandbox.schema_instances import UnsatisfiableSchemaError, instance_of

_PLAIN_WISH = re.compile(
    r"\b(?:use|call|run|try) (?:the |a |any |your )?(?:tools?|functions?)\b|[用调]\S{0,4}?(?:工具|函数)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# Words in a tool's name that tell nothing of what it is for.
_BLAND = frozenset(
    ("get", "set", "the", "and", "for", "tool", "tools", "list", "run", "new", "all", "use", "add", "call", "with")
)
_SHORTEST_WORD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A tool to be called; `arguments` is a JSON string."""

    name: str
    arguments: str


def planned_calls(call: ChatCall) -> tuple[PlannedCall, ...]:
    """The calls to answer with, maybe none. Raises RefusedRequestError when a tool's schema cannot be satisfied."""
    text = text_of(last_user_message(call.messages))
    chosen = _chosen(call, text)
    if not call.parallel_tool_calls:
        chosen = chosen[:1]
    return tuple(PlannedCall(name=tool.name, arguments=_arguments(call, tool, text)) for tool in chosen)


def _chosen(call: ChatCall, text: str) -> list[FunctionTool]:
    if call.forced:
        return [tool for tool in call.tools if tool.name == call.tool_choice][:1]
    match call.tool_choice:
        case "none":
            return []
        case "required":
            return _asked_for(call.tools, text) or list(call.tools[:1])
        case _:
            # With a tool's result at hand, it is time to answer.
            return [] if call.messages[-1]["role"] == "tool" else _asked_for(call.tools, text)


def _asked_for(tools: tuple[FunctionTool, ...], text: str) -> list[FunctionTool]:
    words = text.lower()
    named = [tool for tool in tools if tool.name.lower() in words]
    if named:
        return named
    hinted = [tool for tool in tools if any(re.search(rf"\b{re.escape(word)}\b", words) for word in _words(tool))]
    if hinted:
        return hinted
    return list(tools[:1]) if _PLAIN_WISH.search(text) else []


def _words(tool: FunctionTool) -> set[str]:
    words = {word.lower() for word in _WORD.findall(tool.name)}
    return {word for word in words if len(word) >= _SHORTEST_WORD and not word.isdigit()} - _BLAND


def _arguments(call: ChatCall, tool: FunctionTool, text: str) -> str:
    # The tool's name, and the wish to have it called, are no arguments.
    rest = _PLAIN_WISH.sub(" ", re.sub(re.escape(tool.name), " ", text, flags=re.IGNORECASE))
    try:
        # Parameters describe an object even where they forget to say so.
        made = instance_of({"type": "object", **tool.parameters}, rest)
    except UnsatisfiableSchemaError as error:
        param = f"tools[{call.tools.index(tool)}].function.parameters"
        raise RefusedRequestError(
            f"Invalid schema for function '{tool.name}': {error}", param=param, code="invalid_function_parameters"
        ) from error
    return json.dumps(made, ensure_ascii=False)

"""Which tools the sandbox calls, and with what arguments."""

import json
import re
from dataclasses import dataclass

from adapters.sandbox.chat_messages import last_user_message
from adapters.sandbox.chat_requests import ChatCall
from adapters.sandbox.content_parts import text_of
from adapters.sandbox.offered_tools import FunctionTool
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
_NAME_FLAGS = re.ASCII | re.IGNORECASE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A tool to be called; `arguments` is a JSON string."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A tool that is wanted, and the words that its arguments are made of."""

    tool: FunctionTool
    text: str


def planned_calls(call: ChatCall) -> tuple[PlannedCall, ...]:
    """The calls to answer with, maybe none. Raises RefusedRequestError when a tool's schema cannot be satisfied."""
    wishes = _granted(call, text_of(last_user_message(call.messages)))
    if not call.parallel_tool_calls:
        wishes = wishes[:1]
    return tuple(PlannedCall(name=wish.tool.name, arguments=_arguments(call, wish)) for wish in wishes)


def _granted(call: ChatCall, text: str) -> list[_Wish]:
    if call.forced:
        forced = next(tool for tool in call.tools if tool.name == call.tool_choice)
        return (_named((forced,), text) or [_Wish(tool=forced, text=text)])[:1]
    match call.tool_choice:
        case "none":
            return []
        case "required":
            return _asked_for(call.tools, text) or [_Wish(tool=call.tools[0], text=text)]
        case _:
            # With a tool's result at hand, it is time to answer.
            return [] if call.messages[-1]["role"] == "tool" else _asked_for(call.tools, text)


def _asked_for(tools: tuple[FunctionTool, ...], text: str) -> list[_Wish]:
    if wishes := _named(tools, text) or _hinted(tools, text):
        return wishes
    return [_Wish(tool=tool, text=text) for tool in tools[:1] if _PLAIN_WISH.search(text)]


def _named(tools: tuple[FunctionTool, ...], text: str) -> list[_Wish]:
    """The tools called by their names, in the order of the text; `f(1) and f(2)` are two wishes."""
    placed: list[tuple[int, _Wish]] = []
    for tool in tools:
        name = _name_of(tool)
        said = re.search(name, text, _NAME_FLAGS)
        if said is None:
            continue
        written: dict[str, int] = {}
        for found in re.finditer(rf"{name}[(]([^()]*)[)]", text, _NAME_FLAGS):
            written.setdefault(found[1], found.start())
        if len(written) > 1:
            placed += [(at, _Wish(tool=tool, text=arguments)) for arguments, at in written.items()]
        else:
            placed.append((said.start(), _Wish(tool=tool, text=text)))
    return [wish for _, wish in sorted(placed, key=lambda pair: pair[0])]


def _hinted(tools: tuple[FunctionTool, ...], text: str) -> list[_Wish]:
    """The tools whose names have words in common with the text: one for each word, the one that has most of them."""
    words = text.lower()
    matches = [{word for word in _words(tool) if re.search(rf"\b{re.escape(word)}\b", words)} for tool in tools]
    claimed: set[str] = set()
    chosen: list[int] = []
    for index in sorted(range(len(tools)), key=lambda index: -len(matches[index])):
        if matches[index] - claimed:
            claimed |= matches[index]
            chosen.append(index)
    return [_Wish(tool=tools[index], text=text) for index in sorted(chosen)]


def _name_of(tool: FunctionTool) -> str:
    """A pattern; the name of one tool may begin another's, and Chinese may follow it without a space."""
    return rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])"


def _words(tool: FunctionTool) -> set[str]:
    words = {word.lower() for word in _WORD.findall(tool.name)}
    return {word for word in words if len(word) >= _SHORTEST_WORD and not word.isdigit()} - _BLAND


def _arguments(call: ChatCall, wish: _Wish) -> str:
    tool = wish.tool
    # The tool's name, and the wish to have it called, are no arguments.
    rest = _PLAIN_WISH.sub(" ", re.sub(_name_of(tool), " ", wish.text, flags=_NAME_FLAGS))
    try:
        # Parameters describe an object even where they forget to say so.
        made = instance_of({"type": "object", **tool.parameters}, rest)
    except UnsatisfiableSchemaError as error:
        param = f"tools[{call.tools.index(tool)}].function.parameters"
        raise RefusedRequestError(
            f"Invalid schema for function '{tool.name}': {error}", param=param, code="invalid_function_parameters"
        ) from error
    return json.dumps(made, ensure_ascii=False)

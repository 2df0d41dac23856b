"""Tools, their choice, and schemas of answers, as OpenAI's chat completions have them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from adapters.langchain.strict_schema import strict_schema, takes_strict_mode
from domain.chat import OtherTool, Tool

AnyTool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice = str | bool | Mapping[str, Any]

_MODES = ("auto", "none", "required")
_FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict"})
# A dict of any other type is the upstream's own tool (`web_search`), and goes to it as it is.
_FUNCTION_TYPES = ("function", "object")
_LONGEST_SCHEMA_NAME = 64


def openai_tools(tools: Sequence[AnyTool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Pydantic classes, functions, LangChain tools and dicts of any dialect as OpenAI's tools.

    `strict` is said of every function that does not say it itself. Raises ValueError for what is no tool.
    """
    return [_openai_tool(tool, strict=strict) for tool in tools]


def domain_tools(wire: Sequence[Mapping[str, Any]]) -> tuple[Tool | OtherTool, ...]:
    """OpenAI's tools as the domain's."""
    return tuple(_domain_tool(tool) for tool in wire)


def openai_tool_choice(choice: ToolChoice | None, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any] | None:
    """What LangChain and its integrations know as `tool_choice`, as OpenAI's; None: nothing is sent.

    `"any"` and True demand some call, a tool's name that call, other strings are OpenAI's modes. Raises ValueError for
    a tool that is not among `tools`.
    """
    if choice is None or choice is False or choice == "":
        return None
    if choice is True or choice == "any":
        return "required"
    if isinstance(choice, str):
        is_mode = choice in _MODES and choice not in [_name(tool) for tool in tools]
        return choice if is_mode else _call_of(choice, tools)
    members = dict(choice)
    kind = members.get("type")
    function = members.get("function")
    name = cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else members.get("name")
    if name is not None and kind in (None, "function", "tool"):
        return _call_of(str(name), tools)
    if kind in ("any", *_MODES) and len(members) == 1:
        # As Anthropic has it.
        return openai_tool_choice(kind, ())
    return members


def json_schema_format(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """A schema (a class, a TypedDict, a JSON schema, or OpenAI's own form) as `response_format`.

    `strict` None: a class of pydantic 2 is adhered to strictly, as OpenAI's own client asks it, where strict mode has a
    place for all that it holds (pydantic 1 does not say what may be null); others as they say. Raises ValueError for
    what is no schema, or has no title.
    """
    if isinstance(schema, Mapping):
        return _of_dict(dict(cast("Mapping[str, Any]", schema)), strict=strict)
    if is_pydantic_class(schema):
        plain = _schema_of_class(schema)
        adhered = strict_schema(plain)
        if strict is None and issubclass(schema, BaseModel) and takes_strict_mode(adhered):
            strict = True
        return _format(schema.__name__, adhered if strict else plain, strict=strict)
    return _of_function(convert_to_openai_function(schema), strict=strict)


def is_pydantic_class(schema: Any) -> bool:
    """Whether a schema is a class of pydantic 2, or of the pydantic 1 inside it."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def tool_name(schema: Any) -> str:
    """The name under which a schema goes as a tool. Raises ValueError for what is no schema."""
    return _name(_openai_tool(schema, strict=None))


def _openai_tool(tool: AnyTool, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(tool, Mapping):
        tool = dict(cast("dict[str, Any]", tool))
        # Anthropic's functions are of the type `custom`.
        if tool.get("type", "function") not in _FUNCTION_TYPES and "input_schema" not in tool:
            return tool
    wire = convert_to_openai_tool(cast("Any", tool))
    function: object = wire.get("function")
    if strict is None or not isinstance(function, dict):
        return wire
    members: dict[str, Any] = {"strict": strict, **cast("dict[str, Any]", function)}
    if members["strict"]:
        # LangChain writes references out, which a class that holds its own kind does not survive.
        schema = _schema_of_class(tool) if is_pydantic_class(tool) else members.get("parameters")
        members["parameters"] = strict_schema(schema or {"type": "object", "properties": {}})
    return {**wire, "function": members}


def _domain_tool(wire: Mapping[str, Any]) -> Tool | OtherTool:
    function = wire.get("function")
    if wire.get("type") != "function" or set(wire) != {"type", "function"} or not isinstance(function, dict):
        return OtherTool(raw=wire)
    members = cast("dict[str, Any]", function)
    if not isinstance(members.get("name"), str) or not set(members) <= _FUNCTION_KEYS:
        return OtherTool(raw=wire)
    return Tool(
        name=members["name"],
        description=members.get("description") or "",
        parameters=members.get("parameters") or {},
        strict=members.get("strict"),
    )


def _name(tool: Mapping[str, Any]) -> str:
    return str(_own_name(tool) or tool.get("type"))


def _own_name(tool: Mapping[str, Any]) -> str | None:
    for place in (tool.get("function"), tool.get("custom"), tool):
        if isinstance(place, Mapping) and isinstance(name := cast("Mapping[str, Any]", place).get("name"), str):
            return name
    return None


def _call_of(name: str, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tool = next((each for each in tools if _name(each) == name), None)
    if tool is None:
        offered = ", ".join(_name(each) for each in tools) or "there are none"
        raise ValueError(f"tool_choice names the tool {name!r}, which is not among the tools: {offered}.")
    if _own_name(tool) is None:
        return {"type": name}
    kind = "custom" if tool.get("type") == "custom" else "function"
    return {"type": kind, kind: {"name": name}}


def _schema_of_class(kind: Any) -> dict[str, Any]:
    """The JSON schema of a class of pydantic 2, or of the pydantic 1 inside it."""
    schema: dict[str, Any] = kind.model_json_schema() if issubclass(kind, BaseModel) else kind.schema()
    return schema


def _of_dict(given: dict[str, Any], *, strict: bool | None) -> dict[str, Any]:
    if given.get("type") in ("json_object", "text") and "properties" not in given:
        return given
    if given.get("type") == "json_schema" and isinstance(inner := given.get("json_schema"), Mapping):
        return {**given, "json_schema": _adhered(dict(cast("Mapping[str, Any]", inner)), strict=strict)}
    if "name" in given and "schema" in given:
        return {"type": "json_schema", "json_schema": _adhered(given, strict=strict)}
    said = given.get("strict")
    if isinstance(said, bool):
        strict = said if strict is None else strict
    if isinstance(title := given.get("title"), str) and "name" not in given:
        rest = {key: value for key, value in given.items() if key not in ("title", "description", "strict")}
        made = strict_schema(rest) if strict else rest
        return _format(title, made, strict=strict, description=given.get("description"))
    return _of_function(convert_to_openai_function(given), strict=strict)


def _adhered(given: dict[str, Any], *, strict: bool | None) -> dict[str, Any]:
    """OpenAI's own form; what it says of strictness itself is not contradicted."""
    if strict is None:
        return given
    said = given.get("strict")
    if isinstance(said, bool) and said != strict:
        raise ValueError(f"The schema says strict={said} itself; strict={strict} contradicts it.")
    schema = cast("Mapping[str, Any]", given.get("schema") or {})
    return {**given, "schema": strict_schema(schema) if strict else schema, "strict": strict}


def _of_function(function: Mapping[str, Any], *, strict: bool | None) -> dict[str, Any]:
    plain: dict[str, Any] = function.get("parameters") or {"type": "object", "properties": {}}
    made = strict_schema(plain) if strict else plain
    return _format(function["name"], made, strict=strict, description=function.get("description"))


def _format(
    name: str, schema: dict[str, Any], *, strict: bool | None, description: str | None = None
) -> dict[str, Any]:
    # OpenAI takes letters, digits, `_` and `-`, at most 64; nothing is found again by this name.
    made: dict[str, Any] = {"name": re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_SCHEMA_NAME], "schema": schema}
    if description:
        made["description"] = description
    if strict is not None:
        made["strict"] = strict
    return {"type": "json_schema", "json_schema": made}

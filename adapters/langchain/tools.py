"""Tools, their choice, and schemas of answers, as OpenAI's chat completions have them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from adapters.langchain.strict_schema import strict_schema
from domain.chat import OtherTool, Tool

AnyTool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice = str | bool | Mapping[str, Any]

_MODES = ("auto", "none", "required")
_FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict"})


def openai_tools(tools: Sequence[AnyTool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Pydantic classes, functions, LangChain tools and dicts of any dialect as OpenAI's tools."""
    made: list[dict[str, Any]] = []
    for tool in tools:
        wire = convert_to_openai_tool(cast("Any", tool), strict=strict)
        function = wire.get("function")
        if strict and isinstance(function, dict) and wire.get("type") == "function":
            members = cast("dict[str, Any]", function)
            wire = {**wire, "function": {**members, "parameters": strict_schema(members.get("parameters") or {})}}
        made.append(wire)
    return made


def domain_tools(tools: Sequence[AnyTool]) -> tuple[Tool | OtherTool, ...]:
    """Tools of a call, in OpenAI's form or not yet."""
    return tuple(_domain_tool(wire) for wire in openai_tools(tools))


def openai_tool_choice(choice: ToolChoice | None, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any] | None:
    """What LangChain and its integrations know as `tool_choice`, as OpenAI's; None: nothing is sent.

    `"any"` and True demand some call, a tool's name that call, other strings are OpenAI's modes. Raises ValueError for
    a tool that is not among `tools`.
    """
    names = [_name(tool) for tool in tools]
    if choice is None or choice is False or choice == "":
        return None
    if choice is True or choice == "any":
        return "required"
    if isinstance(choice, str):
        return choice if choice in _MODES and choice not in names else _call_of(choice, names)
    members = dict(choice)
    function = members.get("function")
    name = cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else members.get("name")
    kind = members.get("type")
    if name is not None and kind in (None, "function", "tool"):
        return _call_of(str(name), names)
    if kind in ("any", *_MODES) and len(members) == 1:
        # As Anthropic has it.
        return openai_tool_choice(kind, tools)
    return members


def json_schema_format(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """A schema (a class, a TypedDict, a JSON schema, or OpenAI's own form) as `response_format`.

    `strict` None: a pydantic class is adhered to strictly, as OpenAI's own client asks it, others as they say.
    """
    if isinstance(schema, Mapping):
        given = dict(cast("Mapping[str, Any]", schema))
        if given.get("type") in ("json_schema", "json_object", "text") and "properties" not in given:
            return given
        if "name" in given and "schema" in given:
            return {"type": "json_schema", "json_schema": given}
        if strict is None and isinstance(given.get("strict"), bool):
            strict = given["strict"]
        schema = given
    elif strict is None and isinstance(schema, type) and issubclass(schema, BaseModel):
        strict = True
    function = convert_to_openai_function(cast("Any", schema))
    parameters = function.pop("parameters", {"type": "object", "properties": {}})
    function["schema"] = strict_schema(parameters) if strict else parameters
    if strict is not None:
        function["strict"] = strict
    return {"type": "json_schema", "json_schema": function}


def is_pydantic_class(schema: Any) -> bool:
    """Whether a schema is a class of pydantic 2, or of the pydantic 1 inside it."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def tool_name(schema: Any) -> str:
    """The name under which a schema goes as a tool."""
    name: str = convert_to_openai_tool(schema)["function"]["name"]
    return name


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
    function = tool.get("function")
    members: Mapping[str, Any] = cast("dict[str, Any]", function) if isinstance(function, dict) else tool
    return str(members.get("name") or tool.get("type"))


def _call_of(name: str, names: Sequence[str]) -> dict[str, Any]:
    if name not in names:
        offered = ", ".join(names) or "there are none"
        raise ValueError(f"tool_choice names the tool {name!r}, which is not among the tools: {offered}.")
    return {"type": "function", "function": {"name": name}}

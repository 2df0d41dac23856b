"""The tools on offer in a chat request, and the choice among them."""

import re
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.json_values import JsonObject, as_array, as_object
from adapters.sandbox.refusals import (
    RefusedRequestError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unsupported_value,
)
from adapters.sandbox.strict_schemas import trouble_with

MOST_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A function on offer; `parameters` is its JSON schema."""

    name: str
    parameters: JsonObject


def read_tools(body: JsonObject) -> tuple[FunctionTool, ...]:
    value = body.get("tools")
    if value is None:
        return ()
    tools = as_array(value)
    if tools is None:
        raise invalid_type("tools", "an array of objects", value)
    if not tools:
        raise RefusedRequestError(
            "Invalid 'tools': empty array. Expected an array with minimum length 1.", param="tools", code="empty_array"
        )
    if len(tools) > MOST_TOOLS:
        raise invalid_value("tools", f"at most {MOST_TOOLS} tools are allowed.")
    return tuple(_read_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def _read_tool(value: Any, path: str) -> FunctionTool:
    tool = as_object(value)
    if tool is None:
        raise invalid_type(path, "an object", value)
    if "type" not in tool:
        raise missing_parameter(f"{path}.type")
    if tool["type"] != "function":
        raise unsupported_value(f"{path}.type", tool["type"], ("function",))
    function = as_object(tool.get("function"))
    if function is None:
        raise missing_parameter(f"{path}.function")
    name = read_name(function, f"{path}.function.name")
    parameters = function.get("parameters")
    schema = {"type": "object"} if parameters is None else as_object(parameters)
    if schema is None:
        raise invalid_type(f"{path}.function.parameters", "an object", parameters)
    if is_strict(function, f"{path}.function") and (trouble := trouble_with(schema)):
        raise RefusedRequestError(
            f"Invalid schema for function '{name}': {trouble}",
            param=f"{path}.function.parameters",
            code="invalid_function_parameters",
        )
    return FunctionTool(name=name, parameters=schema)


def read_name(holder: JsonObject, path: str) -> str:
    name = holder.get("name")
    if name is None:
        raise missing_parameter(path)
    if not isinstance(name, str):
        raise invalid_type(path, "a string", name)
    if not _NAME.fullmatch(name):
        raise invalid_value(path, "a name has 1 to 64 characters of a-z, A-Z, 0-9, underscore and dash.")
    return name


def read_tool_choice(body: JsonObject, tools: tuple[FunctionTool, ...]) -> tuple[str, bool]:
    value = body.get("tool_choice")
    if value is None:
        return "auto", False
    if not tools:
        raise invalid_value("tool_choice", "it is only allowed when 'tools' are specified.")
    if isinstance(value, str):
        if value not in {"none", "auto", "required"}:
            raise unsupported_value("tool_choice", value, ("none", "auto", "required"))
        return value, False
    choice = as_object(value)
    if choice is None:
        raise invalid_type("tool_choice", "a string or an object", value)
    function = as_object(choice.get("function"))
    if choice.get("type") != "function" or function is None:
        raise invalid_value("tool_choice", "expected {'type': 'function', 'function': {'name': …}}.")
    name = read_name(function, "tool_choice.function.name")
    if name not in {tool.name for tool in tools}:
        raise invalid_value("tool_choice", f"the tool {name!r} is not among 'tools'.")
    return name, True


def is_strict(holder: JsonObject, path: str) -> bool:
    strict = holder.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise invalid_type(f"{path}.strict", "a boolean", strict)
    return bool(strict)

"""A body of `POST /v1/chat/completions`, checked as strictly as OpenAI does; unknown fields are accepted.

`read_chat` makes a `ChatCall` of it or raises RefusedRequestError, which names the offending field.
"""

import re
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.chat_messages import check_messages
from adapters.sandbox.json_values import JsonObject, as_array, as_integer, as_number, as_object
from adapters.sandbox.refusals import RefusedRequestError, invalid_type, invalid_value, missing_parameter

MOST_CHOICES = 128
MOST_STOPS = 4
MOST_TOP_LOGPROBS = 20
MOST_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A function on offer; `parameters` is its JSON schema."""

    name: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What is asked. `schema` is the JSON schema to answer by; `tool_choice` is a mode or, if `forced`, a name."""

    model: str
    messages: tuple[JsonObject, ...]
    stream: bool
    include_usage: bool
    n: int
    max_tokens: int | None
    stop: tuple[str, ...]
    logprobs: bool
    top_logprobs: int
    tools: tuple[FunctionTool, ...]
    tool_choice: str
    forced: bool
    parallel_tool_calls: bool
    schema: JsonObject | None


def read_chat(body: JsonObject) -> ChatCall:
    """Check a body whose model is known to exist. Raises RefusedRequestError."""
    messages = check_messages(body)
    stream = read_boolean(body, "stream")
    tools = _read_tools(body)
    tool_choice, forced = _read_tool_choice(body, tools)
    logprobs = read_boolean(body, "logprobs")
    top_logprobs = read_integer(body, "top_logprobs", 0, MOST_TOP_LOGPROBS)
    if top_logprobs is not None and not logprobs:
        raise invalid_value("top_logprobs", "'logprobs' must be true to use it.")
    check_sampling(body)
    return ChatCall(
        model=body["model"],
        messages=messages,
        stream=stream,
        include_usage=read_include_usage(body, stream=stream),
        n=read_integer(body, "n", 1, MOST_CHOICES) or 1,
        max_tokens=_read_max_tokens(body),
        stop=read_stop(body),
        logprobs=logprobs,
        top_logprobs=top_logprobs or 0,
        tools=tools,
        tool_choice=tool_choice,
        forced=forced,
        parallel_tool_calls=read_boolean(body, "parallel_tool_calls", default=True),
        schema=_read_schema(body, messages),
    )


def read_boolean(body: JsonObject, name: str, *, default: bool = False) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid_type(name, "a boolean", value)
    return value


def read_integer(body: JsonObject, name: str, least: int, most: int | None = None) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    number = as_integer(value)
    if number is None:
        raise invalid_type(name, "an integer", value)
    _check_range(name, number, least, most)
    return number


def read_stop(body: JsonObject) -> tuple[str, ...]:
    value = body.get("stop")
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else as_array(value)
    if stops is None or not all(isinstance(stop, str) for stop in stops):
        raise invalid_type("stop", "a string or an array of strings", value)
    if len(stops) > MOST_STOPS:
        raise invalid_value("stop", f"at most {MOST_STOPS} sequences are allowed.")
    return tuple(stop for stop in stops if stop)


def read_include_usage(body: JsonObject, *, stream: bool) -> bool:
    value = body.get("stream_options")
    if value is None:
        return False
    options = as_object(value)
    if options is None:
        raise invalid_type("stream_options", "an object", value)
    if not stream:
        raise invalid_value("stream_options", "it is only allowed when 'stream' is enabled.")
    include = options.get("include_usage")
    if include is not None and not isinstance(include, bool):
        raise invalid_type("stream_options.include_usage", "a boolean", include)
    return bool(include)


def check_sampling(body: JsonObject) -> None:
    """The numbers that steer a real model; this one minds only that they are in range."""
    for name, least, most in (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("presence_penalty", -2, 2),
        ("frequency_penalty", -2, 2),
    ):
        value = body.get(name)
        if value is None:
            continue
        number = as_number(value)
        if number is None:
            raise invalid_type(name, "a decimal", value)
        _check_range(name, number, least, most)
    if body.get("seed") is not None and as_integer(body["seed"]) is None:
        raise invalid_type("seed", "an integer", body["seed"])


def _check_range(name: str, number: float, least: float, most: float | None) -> None:
    if number < least:
        raise RefusedRequestError(
            f"Invalid '{name}': below minimum value. Expected a value >= {least}, but got {number} instead.",
            param=name,
            code="integer_below_min_value" if isinstance(number, int) else "decimal_below_min_value",
        )
    if most is not None and number > most:
        raise RefusedRequestError(
            f"Invalid '{name}': above maximum value. Expected a value <= {most}, but got {number} instead.",
            param=name,
            code="integer_above_max_value" if isinstance(number, int) else "decimal_above_max_value",
        )


def _read_max_tokens(body: JsonObject) -> int | None:
    old, new = (read_integer(body, name, 1) for name in ("max_tokens", "max_completion_tokens"))
    if old is not None and new is not None:
        raise RefusedRequestError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    return new if old is None else old


def _read_tools(body: JsonObject) -> tuple[FunctionTool, ...]:
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
        raise invalid_value(f"{path}.type", f"{tool['type']!r}. Supported values are: 'function'.")
    function = as_object(tool.get("function"))
    if function is None:
        raise missing_parameter(f"{path}.function")
    name = _read_name(function, f"{path}.function.name")
    parameters = function.get("parameters")
    schema = {"type": "object"} if parameters is None else as_object(parameters)
    if schema is None:
        raise invalid_type(f"{path}.function.parameters", "an object", parameters)
    return FunctionTool(name=name, parameters=schema)


def _read_name(holder: JsonObject, path: str) -> str:
    name = holder.get("name")
    if name is None:
        raise missing_parameter(path)
    if not isinstance(name, str):
        raise invalid_type(path, "a string", name)
    if not _NAME.fullmatch(name):
        raise invalid_value(path, "a name has 1 to 64 characters of a-z, A-Z, 0-9, underscore and dash.")
    return name


def _read_tool_choice(body: JsonObject, tools: tuple[FunctionTool, ...]) -> tuple[str, bool]:
    value = body.get("tool_choice")
    if value is None:
        return "auto", False
    if not tools:
        raise invalid_value("tool_choice", "it is only allowed when 'tools' are specified.")
    if isinstance(value, str):
        if value not in {"none", "auto", "required"}:
            raise invalid_value("tool_choice", f"{value!r}. Supported values are: 'none', 'auto', and 'required'.")
        return value, False
    choice = as_object(value)
    if choice is None:
        raise invalid_type("tool_choice", "a string or an object", value)
    function = as_object(choice.get("function"))
    if choice.get("type") != "function" or function is None:
        raise invalid_value("tool_choice", "expected {'type': 'function', 'function': {'name': …}}.")
    name = _read_name(function, "tool_choice.function.name")
    if name not in {tool.name for tool in tools}:
        raise invalid_value("tool_choice", f"the tool {name!r} is not among 'tools'.")
    return name, True


def _read_schema(body: JsonObject, messages: tuple[JsonObject, ...]) -> JsonObject | None:
    """The schema that the answer has to satisfy; for plain JSON mode, that of any object."""
    value = body.get("response_format")
    if value is None:
        return None
    wanted = as_object(value)
    if wanted is None:
        raise invalid_type("response_format", "an object", value)
    match wanted.get("type"):
        case "text":
            return None
        case "json_object":
            if "json" not in str(messages).lower():
                raise RefusedRequestError(
                    "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                    "'json_object'.",
                    param="messages",
                )
            return {"type": "object"}
        case "json_schema":
            described = as_object(wanted.get("json_schema"))
            if described is None:
                raise missing_parameter("response_format.json_schema")
            _read_name(described, "response_format.json_schema.name")
            schema = as_object(described.get("schema"))
            if schema is None:
                raise missing_parameter("response_format.json_schema.schema")
            return schema
        case None:
            raise missing_parameter("response_format.type")
        case other:
            raise invalid_value(
                "response_format.type",
                f"{other!r}. Supported values are: 'json_object', 'json_schema', and 'text'.",
            )

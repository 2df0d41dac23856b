"""A body of `POST /v1/chat/completions`, checked as strictly as OpenAI does; unknown fields are accepted.

`read_chat` makes a `ChatCall` of it or raises RefusedRequestError, which names the offending field.
"""

from dataclasses import dataclass

from adapters.sandbox.answer_formats import read_response_format
from adapters.sandbox.chat_messages import check_messages
from adapters.sandbox.json_values import JsonObject, as_array, as_integer, as_number, as_object
from adapters.sandbox.offered_tools import FunctionTool, read_tool_choice, read_tools
from adapters.sandbox.refusals import RefusedRequestError, invalid_type, invalid_value

MOST_CHOICES = 128
MOST_STOPS = 4
MOST_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What is asked. `tool_choice` is a mode or, if `forced`, a name.

    schema: the JSON schema to answer by; with `json_mode` any object will do.
    """

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
    json_mode: bool


def read_chat(body: JsonObject) -> ChatCall:
    """Check a body whose model is known to exist. Raises RefusedRequestError."""
    messages = check_messages(body)
    stream = read_boolean(body, "stream")
    tools = read_tools(body)
    tool_choice, forced = read_tool_choice(body, tools)
    logprobs = read_boolean(body, "logprobs")
    top_logprobs = read_integer(body, "top_logprobs", 0, MOST_TOP_LOGPROBS)
    if top_logprobs is not None and not logprobs:
        raise invalid_value("top_logprobs", "'logprobs' must be true to use it.")
    check_sampling(body)
    schema, json_mode = read_response_format(body, messages)
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
        schema=schema,
        json_mode=json_mode,
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

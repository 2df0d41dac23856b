"""The messages of a chat request: their check, and what can be read from them."""

import re
from typing import Any

from adapters.sandbox.content_parts import check_content, need_string
from adapters.sandbox.json_values import JsonObject, as_array, as_object
from adapters.sandbox.refusals import (
    RefusedRequestError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unsupported_value,
)

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
# What a participant may be called, as OpenAI has it.
_NAME = re.compile(r"[^\s<|\\/>]{1,64}")


def check_messages(body: JsonObject) -> tuple[JsonObject, ...]:
    """The messages of a body. Raises RefusedRequestError."""
    if "messages" not in body:
        raise missing_parameter("messages")
    messages = as_array(body["messages"])
    if messages is None:
        raise invalid_type("messages", "an array of objects", body["messages"])
    if not messages:
        raise RefusedRequestError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    checked: list[JsonObject] = []
    unanswered: list[str] = []
    asked_at = 0
    for index, value in enumerate(messages):
        path = f"messages[{index}]"
        message = _check_message(value, path)
        if message["role"] == "tool":
            if message["tool_call_id"] not in unanswered:
                raise RefusedRequestError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"{path}.role",
                )
            unanswered.remove(message["tool_call_id"])
        else:
            _refuse_unanswered(unanswered, asked_at)
            unanswered = [call["id"] for call in tool_calls_of(message)]
            asked_at = index
        checked.append(message)
    _refuse_unanswered(unanswered, asked_at)
    return tuple(checked)


def last_user_message(messages: tuple[JsonObject, ...]) -> JsonObject:
    """The last message of the user; an empty object when there is none."""
    nothing: JsonObject = {}
    return next((message for message in reversed(messages) if message["role"] == "user"), nothing)


def tool_calls_of(message: JsonObject) -> list[JsonObject]:
    return as_array(message.get("tool_calls")) or []


def _refuse_unanswered(tool_call_ids: list[str], asked_at: int) -> None:
    if tool_call_ids:
        raise RefusedRequestError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(tool_call_ids)}",
            param=f"messages[{asked_at}].tool_calls",
        )


def _check_message(value: Any, path: str) -> JsonObject:
    message = as_object(value)
    if message is None:
        raise invalid_type(path, "an object", value)
    if "role" not in message:
        raise missing_parameter(f"{path}.role")
    role = message["role"]
    if role not in _ROLES:
        raise unsupported_value(f"{path}.role", role, _ROLES)
    _check_name(message, path)
    calls = _check_tool_calls(message, path) if role == "assistant" else []
    if role == "tool":
        need_string(message, "tool_call_id", path)
    if message.get("content") is None:
        if role != "assistant" or not (calls or message.get("function_call") or message.get("refusal")):
            raise (
                missing_parameter(f"{path}.content")
                if "content" not in message
                else invalid_type(f"{path}.content", "a string or an array of objects", None)
            )
    else:
        check_content(message["content"], role, f"{path}.content")
    return message


def _check_name(message: JsonObject, path: str) -> None:
    if message.get("name") is None:
        return
    name = need_string(message, "name", path)
    if not _NAME.fullmatch(name):
        raise invalid_value(f"{path}.name", "a name has 1 to 64 characters, none of them a space or one of <|\\/>.")


def _check_tool_calls(message: JsonObject, path: str) -> list[JsonObject]:
    value = message.get("tool_calls")
    if value is None:
        return []
    calls = as_array(value)
    where = f"{path}.tool_calls"
    if calls is None:
        raise invalid_type(where, "an array of objects", value)
    if not calls:
        raise RefusedRequestError(
            f"Invalid '{where}': empty array. Expected an array with minimum length 1.", param=where, code="empty_array"
        )
    checked: list[JsonObject] = []
    for index, item in enumerate(calls):
        call = as_object(item)
        if call is None:
            raise invalid_type(f"{where}[{index}]", "an object", item)
        need_string(call, "id", f"{where}[{index}]")
        if call.get("type") != "function":
            raise unsupported_value(f"{where}[{index}].type", call.get("type"), ("function",))
        function = as_object(call.get("function"))
        if function is None:
            raise missing_parameter(f"{where}[{index}].function")
        need_string(function, "name", f"{where}[{index}].function")
        need_string(function, "arguments", f"{where}[{index}].function")
        checked.append(call)
    return checked

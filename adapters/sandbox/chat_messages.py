"""The messages of a chat request: their check, and what can be read from them."""

from typing import Any

from adapters.sandbox.json_values import JsonObject, as_array, as_object
from adapters.sandbox.refusals import RefusedRequestError, invalid_type, invalid_value, missing_parameter

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}


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


def text_of(message: JsonObject) -> str:
    """A message's text, its text parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = (as_object(part) or {} for part in as_array(content) or [])
    return "".join(str(part.get("text") or "") for part in parts)


def last_user_message(messages: tuple[JsonObject, ...]) -> JsonObject:
    """The last message of the user; an empty object when there is none."""
    nothing: JsonObject = {}
    return next((message for message in reversed(messages) if message["role"] == "user"), nothing)


def tool_calls_of(message: JsonObject) -> list[JsonObject]:
    return as_array(message.get("tool_calls")) or []


def images_in(message: JsonObject) -> int:
    parts = (as_object(part) or {} for part in as_array(message.get("content")) or [])
    return sum(part.get("type") == "image_url" for part in parts)


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
        raise invalid_value(
            f"{path}.role", f"{role!r}. Supported values are: {', '.join(repr(known) for known in _ROLES)}."
        )
    calls = _check_tool_calls(message, path) if role == "assistant" else []
    if role == "tool":
        _need_string(message, "tool_call_id", path)
    if message.get("content") is None:
        if role != "assistant" or not (calls or message.get("function_call") or message.get("refusal")):
            raise (
                missing_parameter(f"{path}.content")
                if "content" not in message
                else invalid_type(f"{path}.content", "a string or an array of objects", None)
            )
    else:
        _check_content(message["content"], role, f"{path}.content")
    return message


def _check_content(content: Any, role: str, path: str) -> None:
    if isinstance(content, str):
        return
    parts = as_array(content)
    if parts is None:
        raise invalid_type(path, "a string or an array of objects", content)
    if not parts:
        raise RefusedRequestError(f"Invalid '{path}': empty array.", param=path, code="empty_array")
    kinds = _PARTS.get(role, ("text",))
    for index, value in enumerate(parts):
        _check_part(value, kinds, f"{path}[{index}]")


def _check_part(value: Any, kinds: tuple[str, ...], where: str) -> None:
    part = as_object(value)
    if part is None:
        raise invalid_type(where, "an object", value)
    kind = part.get("type")
    if kind is None:
        raise missing_parameter(f"{where}.type")
    if kind not in kinds:
        raise invalid_value(
            f"{where}.type", f"{kind!r}. Supported values are: {', '.join(repr(known) for known in kinds)}."
        )
    if kind in {"text", "refusal"}:
        _need_string(part, kind, where)
    else:
        inner = as_object(part.get(kind))
        if inner is None:
            raise invalid_type(f"{where}.{kind}", "an object", part.get(kind))
        if kind == "image_url":
            _need_string(inner, "url", f"{where}.image_url")


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
        _need_string(call, "id", f"{where}[{index}]")
        if call.get("type") != "function":
            raise invalid_value(f"{where}[{index}].type", f"{call.get('type')!r}. Supported values are: 'function'.")
        function = as_object(call.get("function"))
        if function is None:
            raise missing_parameter(f"{where}[{index}].function")
        _need_string(function, "name", f"{where}[{index}].function")
        _need_string(function, "arguments", f"{where}[{index}].function")
        checked.append(call)
    return checked


def _need_string(holder: JsonObject, key: str, path: str) -> None:
    if key not in holder:
        raise missing_parameter(f"{path}.{key}")
    if not isinstance(holder[key], str):
        raise invalid_type(f"{path}.{key}", "a string", holder[key])

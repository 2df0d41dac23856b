"""LangChain's messages as the domain's."""

import json
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from adapters.langchain.content import parts_of
from domain.chat import Message, Role, TextPart, ToolCall

_INSTRUCTIONS = ("system", "developer")


def messages_of(messages: Sequence[BaseMessage], *, system_prompt: str | None) -> tuple[Message, ...]:
    """A conversation, begun by `system_prompt` where it has no instructions of its own.

    Raises ValueError for a message, or a block in it, that cannot be sent.
    """
    made = tuple(_message(message) for message in messages)
    if system_prompt and not any(message.role in _INSTRUCTIONS for message in made):
        return (Message(role="system", content=(TextPart(text=system_prompt),)), *made)
    return made


def _message(message: BaseMessage) -> Message:
    name = message.name or message.additional_kwargs.get("name")
    match message:
        case AIMessage():
            return _assistant(message, name)
        case HumanMessage():
            role: Role = "user"
        case SystemMessage():
            # What LangChain's OpenAI model marks a developer message with.
            role = "developer" if message.additional_kwargs.get("__openai_role__") == "developer" else "system"
        case ToolMessage():
            return Message(role="tool", content=parts_of(message.content), tool_call_id=message.tool_call_id)
        case FunctionMessage():
            role = "function"
        case ChatMessage():
            # Whatever the upstream knows.
            role = cast("Role", message.role)
        case _:
            raise ValueError(f"A {type(message).__name__} cannot be sent to a model.")
    return Message(role=role, content=parts_of(message.content), name=name)


def _assistant(message: AIMessage, name: str | None) -> Message:
    """What the model said. What it thought stays here: upstreams refuse it, or count it twice."""
    blocks = message.content if isinstance(message.content, list) else []
    members = [block for block in blocks if isinstance(block, dict)]
    refusals = [str(block.get("refusal", "")) for block in members if block.get("type") == "refusal"]
    recording = next((block["id"] for block in members if _is_recording(block)), None)
    said = [block for block in blocks if not isinstance(block, dict) or block.get("type") not in ("refusal", "audio")]
    extras: dict[str, Any] = {}
    audio: object = message.additional_kwargs.get("audio")
    if recording is None and isinstance(audio, dict):
        recording = cast("dict[str, Any]", audio).get("id")
    if recording is not None:
        # The id stands for the recording, which is not sent back (OpenAI, audio guide, multi-turn conversations).
        extras["audio"] = {"id": recording}
    calls = _tool_calls(message)
    if not calls and "function_call" in message.additional_kwargs:
        extras["function_call"] = message.additional_kwargs["function_call"]
    return Message(
        role="assistant",
        content=parts_of(message.content if isinstance(message.content, str) else said),
        tool_calls=calls,
        name=name,
        refusal="".join(refusals) or str(message.additional_kwargs.get("refusal") or ""),
        extras=extras,
    )


def _is_recording(block: dict[str, Any]) -> bool:
    """Whether the upstream keeps it; LangChain's own ids tell it nothing."""
    return block.get("type") == "audio" and bool(block.get("id")) and not str(block["id"]).startswith("lc_")


def _tool_calls(message: AIMessage) -> tuple[ToolCall, ...]:
    calls = [
        ToolCall(id=call["id"] or "", name=call["name"], arguments=json.dumps(call["args"], ensure_ascii=False))
        for call in message.tool_calls
    ]
    calls += [
        ToolCall(id=broken["id"] or "", name=broken["name"] or "", arguments=broken["args"] or "")
        for broken in message.invalid_tool_calls
    ]
    if calls:
        return tuple(calls)
    # As messages held them before LangChain had tool calls.
    raw = message.additional_kwargs.get("tool_calls") or ()
    functions = [(call.get("id") or "", call["function"]) for call in raw if "function" in call]
    return tuple(
        ToolCall(id=call_id, name=function.get("name") or "", arguments=function.get("arguments") or "")
        for call_id, function in functions
    )

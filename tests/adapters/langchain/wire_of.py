"""What messages become on the wire: through the domain, as the gateway encodes it."""

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from adapters.langchain.messages import messages_of
from adapters.wire.openai_chat import OpenAIChatCodec
from domain.chat import ChatRequest


def wire_of(messages: Sequence[BaseMessage], *, system_prompt: str | None = None) -> list[dict[str, Any]]:
    request = ChatRequest(model="m", messages=messages_of(messages, system_prompt=system_prompt))
    sent: list[dict[str, Any]] = json.loads(OpenAIChatCodec().encode_request(request, stream=False))["messages"]
    return sent


def content_on_wire(*blocks: str | dict[str, Any]) -> Any:
    return wire_of([HumanMessage(list(blocks))])[0]["content"]


def part_on_wire(block: dict[str, Any]) -> Any:
    """One block's part, beside a part that keeps the content a list."""
    beside = {"type": "beside"}
    parts = content_on_wire(beside, block)
    assert parts[0] == beside
    return parts[1] if len(parts) == 2 else parts[1:]

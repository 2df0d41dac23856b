"""A LangChain call as a question of the domain."""

import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from adapters.langchain.messages import messages_of
from adapters.langchain.parameters import CallParameters
from adapters.langchain.tools import domain_tools, json_schema_format, openai_tool_choice, openai_tools
from domain.chat import ChatRequest
from domain.tool_calls import repair
from ports.gateway import ChatTerms

_log = logging.getLogger("oca.langchain")


def question_of(messages: Sequence[BaseMessage], call: CallParameters) -> ChatRequest:
    """What is asked. Raises ValueError for what cannot be sent."""
    said = messages_of(messages, system_prompt=call.system_prompt)
    if call.repair_tool_calls:
        said, repairs = repair(said)
        for note in repairs:
            _log.warning("tool calls repaired: %s", note)
    rest = dict(call.sent)
    tools = openai_tools(rest.pop("tools", None) or ())
    choice = openai_tool_choice(rest.pop("tool_choice", None), tools)
    if (schema := rest.get("response_format")) is not None:
        rest["response_format"] = json_schema_format(schema)
    return ChatRequest(
        model=str(rest.pop("model")),
        messages=said,
        temperature=rest.pop("temperature", None),
        top_p=rest.pop("top_p", None),
        max_tokens=rest.pop("max_tokens", None),
        stop=_stops(rest.pop("stop", None)),
        tools=domain_tools(tools),
        # Upstreams refuse a choice, be it "auto", where there is nothing to choose from.
        tool_choice=choice if tools else None,
        reasoning_effort=rest.pop("reasoning_effort", None),
        stream_usage=call.stream_usage,
        extras=rest,
    )


def terms_of(call: CallParameters) -> ChatTerms:
    """How it is asked."""
    return ChatTerms(
        silence=call.timeout,
        between_chunks=call.stream_chunk_timeout,
        retries=call.max_retries,
        headers=call.headers,
    )


def _stops(stop: Any) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)

"""The upstream's answers as LangChain's results and chunks."""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from adapters.langchain.tool_arguments import end_of_arguments, read_tool_calls
from domain.chat import ChatResponse, Choice, Usage
from domain.events import (
    AnswerStarted,
    ExtrasDelta,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)

# Not "openai", whose translator drops the reasoning. See adapters.langchain.blocks.
PROVIDER = "oca"
REASONING = "reasoning_content"


def chat_result(response: ChatResponse, *, model: str) -> ChatResult:
    """A whole answer; `model` is the name that was asked for, for upstreams that do not say theirs."""
    facts = _facts(
        AnswerStarted(
            model=response.model, system_fingerprint=response.system_fingerprint, service_tier=response.service_tier
        ),
        model,
    )
    generations = [
        # The tokens were counted once for all choices, and messages of one id would replace each other in a state.
        _generation(choice, None if index else response.id, facts, None if index else response.usage)
        for index, choice in enumerate(response.choices)
    ]
    return ChatResult(generations=generations, llm_output={"model_name": facts["model_name"]})


class ChunkMaker:
    """Makes chunks of one stream's events, of its first choice: a LangChain stream has room for one answer.

    What LangChain would add up although it was said once (usage, finish reason, names) is kept for the last chunk.
    """

    def __init__(self, *, model: str) -> None:
        self._model = model
        self._started = AnswerStarted()
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._logprobs: Mapping[str, Any] | None = None
        self._arguments: dict[int, list[str]] = {}

    def take(self, event: StreamEvent) -> ChatGenerationChunk | None:
        """The chunk for an event, where there is something to tell now."""
        match event:
            case TextDelta(text=text, choice=0):
                return self._chunk(text)
            case ReasoningDelta(choice=0) | RefusalDelta(choice=0) | ExtrasDelta(choice=0):
                return self._chunk("", additional_kwargs=_said_beside(event))
            case ToolCallDelta(choice=0):
                self._arguments.setdefault(event.index, []).append(event.arguments)
                delta = tool_call_chunk(name=event.name, args=event.arguments, id=event.id, index=event.index)
                return self._chunk("", tool_call_chunks=[delta])
            case AnswerStarted():
                self._started = event
            case UsageReported(usage=usage):
                self._usage = usage
            case Finished(reason=reason, choice=0):
                self._finish_reason = reason
            case LogprobsDelta(logprobs=logprobs, choice=0):
                # They belong to the chunk that comes next; some have none of their own.
                waiting = None if self._logprobs is None else self._chunk("")
                self._logprobs = logprobs
                return waiting
            case _:
                pass
        return None

    def last(self) -> ChatGenerationChunk:
        """The chunk that ends the stream.

        LangChain completes a tool call whose arguments break off, and would have it run. Such a call gets an end here
        that no one can complete, and is an `invalid_tool_call`, as it is in a whole answer.
        """
        facts = _facts(self._started, self._model)
        if self._finish_reason is not None:
            facts["finish_reason"] = self._finish_reason
        ends = ((index, end_of_arguments("".join(pieces))) for index, pieces in self._arguments.items())
        return self._chunk(
            "",
            tool_call_chunks=[tool_call_chunk(args=end, index=index) for index, end in ends if end],
            usage_metadata=None if self._usage is None else usage_metadata(self._usage),
            chunk_position="last",
            facts=facts,
        )

    def _chunk(self, content: str, *, facts: dict[str, Any] | None = None, **more: Any) -> ChatGenerationChunk:
        info = facts or {}
        if self._logprobs is not None:
            info["logprobs"], self._logprobs = self._logprobs, None
        message = AIMessageChunk(
            content=content, id=self._started.id, response_metadata={"model_provider": PROVIDER}, **more
        )
        return ChatGenerationChunk(message=message, generation_info=info or None)


def _said_beside(event: ReasoningDelta | RefusalDelta | ExtrasDelta) -> dict[str, Any]:
    match event:
        case ReasoningDelta(text=text):
            return {REASONING: text}
        case RefusalDelta(text=text):
            return {"refusal": text}
        case ExtrasDelta(extras=extras):
            return dict(extras)


def usage_metadata(usage: Usage) -> UsageMetadata:
    """The counts as LangChain has them; what the upstream does not tell is left out."""
    heard = {
        "audio": usage.input_audio_tokens,
        "cache_read": usage.cached_tokens,
        "cache_creation": usage.cache_written_tokens,
    }
    said = {"audio": usage.output_audio_tokens, "reasoning": usage.reasoning_tokens}
    total = usage.input_tokens + usage.output_tokens if usage.total_tokens is None else usage.total_tokens
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=total,
        input_token_details=cast("InputTokenDetails", {k: v for k, v in heard.items() if v is not None}),
        output_token_details=cast("OutputTokenDetails", {k: v for k, v in said.items() if v is not None}),
    )


def _facts(started: AnswerStarted, model: str) -> dict[str, Any]:
    """What the upstream tells of itself, as `response_metadata` names it."""
    facts = {"model_name": started.model or model}
    if started.system_fingerprint is not None:
        facts["system_fingerprint"] = started.system_fingerprint
    if started.service_tier is not None:
        facts["service_tier"] = started.service_tier
    return facts


def _generation(choice: Choice, answer_id: str | None, facts: Mapping[str, Any], usage: Usage | None) -> ChatGeneration:
    said = choice.message
    additional: dict[str, Any] = dict(said.extras)
    if said.reasoning:
        additional[REASONING] = said.reasoning
    if said.refusal:
        additional["refusal"] = said.refusal
    calls, broken = read_tool_calls(said.tool_calls)
    info = dict(facts)
    if choice.finish_reason is not None:
        info["finish_reason"] = choice.finish_reason
    if choice.logprobs is not None:
        info["logprobs"] = choice.logprobs
    message = AIMessage(
        content=said.text,
        additional_kwargs=additional,
        tool_calls=calls,
        invalid_tool_calls=broken,
        usage_metadata=None if usage is None else usage_metadata(usage),
        response_metadata={"model_provider": PROVIDER},
        id=answer_id,
    )
    return ChatGeneration(message=message, generation_info=info)

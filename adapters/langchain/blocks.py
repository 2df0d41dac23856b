"""How LangChain reads the standard content blocks out of our messages (`message.content_blocks`)."""

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator

from adapters.langchain.answers import PROVIDER


def register() -> None:
    """Tell LangChain how to translate messages of ours. May be called more than once."""
    register_translator(PROVIDER, _blocks, _blocks)


def _blocks(message: AIMessage | AIMessageChunk) -> list[Any]:
    """LangChain's own reading, and what it knows nothing of: a block for a refusal, and places for pieces of calls."""
    refusal: object = message.additional_kwargs.get("refusal")
    if not refusal and not (isinstance(message, AIMessageChunk) and message.tool_call_chunks):
        # LangChain takes this as: read it yourself.
        raise NotImplementedError
    metadata = {key: value for key, value in message.response_metadata.items() if key != "model_provider"}
    plain = message.model_copy(update={"response_metadata": metadata})
    blocks = [_placed(block) for block in cast("list[dict[str, Any]]", plain.content_blocks)]
    return [*blocks, {"type": "refusal", "refusal": refusal}] if refusal else blocks


def _placed(block: dict[str, Any]) -> dict[str, Any]:
    """A piece of a call, under an index that is not a text's.

    Where the blocks are a stream's content (`output_version="v1"`), LangChain numbers texts and thoughts from 0, as the
    upstream does calls, and would merge the first call into the first of them.
    """
    if block.get("type") == "tool_call_chunk" and isinstance(index := block.get("index"), int):
        return {**block, "index": f"lc_tc_{index}"}
    return block

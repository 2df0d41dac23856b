"""How LangChain reads the standard content blocks out of our messages (`message.content_blocks`)."""

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator

from adapters.langchain.answers import PROVIDER


def register() -> None:
    """Tell LangChain how to translate messages of ours. May be called more than once."""
    register_translator(PROVIDER, _blocks, _blocks)


def _blocks(message: AIMessage | AIMessageChunk) -> list[Any]:
    """LangChain's own reading, and a block for a refusal, which it knows nothing of."""
    refusal: object = message.additional_kwargs.get("refusal")
    if not refusal:
        # LangChain takes this as: read it yourself.
        raise NotImplementedError
    metadata = {key: value for key, value in message.response_metadata.items() if key != "model_provider"}
    plain = message.model_copy(update={"response_metadata": metadata})
    return [*cast("list[Any]", plain.content_blocks), {"type": "refusal", "refusal": refusal}]

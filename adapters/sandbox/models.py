"""The models on offer, and what the model list tells of them."""

from dataclasses import dataclass

from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.world import CHAT_MODEL, EMBEDDING_MODEL, REASONER

# 2026-01-01: the models' birthday, in seconds since the epoch.
_CREATED = 1_767_225_600


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModel:
    """How much a chat model takes and gives, in tokens."""

    context_window: int
    max_output_tokens: int
    reasons: bool


CHAT_MODELS = {
    CHAT_MODEL: ChatModel(context_window=1_048_576, max_output_tokens=32_768, reasons=False),
    REASONER: ChatModel(context_window=200_000, max_output_tokens=100_000, reasons=True),
}
MODELS = (*CHAT_MODELS, EMBEDDING_MODEL)


def model_entry(name: str) -> JsonObject:
    """OpenAI's `Model`; of those that chat it tells more, in the words of LiteLLM, as many upstreams do."""
    entry: JsonObject = {"id": name, "object": "model", "created": _CREATED, "owned_by": "oca-sandbox"}
    model = CHAT_MODELS.get(name)
    if model is None:
        return entry
    return entry | {
        "mode": "chat",
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "supports_vision": True,
        "supports_audio_input": True,
        "supports_pdf_input": True,
        "supports_function_calling": True,
        "supports_response_schema": True,
        "supports_prompt_caching": True,
        "is_reasoning_model": model.reasons,
    }

"""What a model list tells, as LangChain's profile."""

import json
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import ModelProfile

from adapters.langchain.profiles import profile_of
from adapters.wire.openai_models import decode_models
from domain.chat import Model

LITELLM = {
    "model_name": "Large One",
    "litellm_params": {"model": "vendor/large-1", "max_tokens": 4096, "api_base": "https://x"},
    "model_info": {
        "context_window": 200_000,
        "max_output_tokens": 64_000,
        "supports_vision": True,
        "supports_caching": True,
        "is_reasoning_model": True,
        "reasoning_effort_options": ["low", "high"],
        "supported_api_list": ["CHAT_COMPLETIONS"],
        "input_price": "0.000003",
    },
}
LITELLM_ITSELF = {
    "model_name": "gpt",
    "litellm_params": {"model": "azure/gpt"},
    "model_info": {
        "max_tokens": 16_384,
        "max_input_tokens": 128_000,
        "max_output_tokens": 16_384,
        "supports_vision": None,
        "supports_function_calling": True,
        "supports_tool_choice": True,
        "supports_response_schema": False,
        "supports_pdf_input": True,
        "supports_audio_input": False,
        "supports_audio_output": False,
        "supports_reasoning": False,
    },
}
OPENROUTER = {
    "id": "vendor/one",
    "name": "Vendor: One",
    "context_length": 1_000_000,
    "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
    "top_provider": {"context_length": 900_000, "max_completion_tokens": 32_000},
    "supported_parameters": ["tools", "tool_choice", "structured_outputs", "temperature"],
}
VLLM = {"id": "local/llama", "object": "model", "owned_by": "vllm", "max_model_len": 32_768, "root": "/models/llama"}


def listed(*entries: Any) -> tuple[Model, ...]:
    return decode_models(json.dumps({"data": entries}).encode())


LISTS: dict[str, tuple[Any, str, Any]] = {
    "LiteLLM's catalogue": (
        LITELLM,
        "vendor/large-1",
        {
            "name": "Large One",
            "max_input_tokens": 200_000,
            "max_output_tokens": 64_000,
            "image_inputs": True,
            "image_url_inputs": True,
            "reasoning_output": True,
            "reasoning_effort_levels": ["low", "high"],
        },
    ),
    "LiteLLM's own": (
        LITELLM_ITSELF,
        "azure/gpt",
        {
            "name": "gpt",
            "max_input_tokens": 128_000,
            "max_output_tokens": 16_384,
            "tool_calling": True,
            "tool_choice": True,
            "structured_output": False,
            "pdf_inputs": True,
            "audio_inputs": False,
            "audio_outputs": False,
            "reasoning_output": False,
        },
    ),
    "OpenRouter": (
        OPENROUTER,
        "vendor/one",
        {
            "name": "Vendor: One",
            "max_input_tokens": 1_000_000,
            "max_output_tokens": 32_000,
            "text_inputs": True,
            "image_inputs": True,
            "image_url_inputs": True,
            "audio_inputs": False,
            "video_inputs": False,
            "pdf_inputs": True,
            "text_outputs": True,
            "image_outputs": False,
            "audio_outputs": False,
            "tool_calling": True,
            "tool_choice": True,
            "structured_output": True,
            "reasoning_output": False,
            "temperature": True,
        },
    ),
    "vLLM": (VLLM, "local/llama", {"max_input_tokens": 32_768}),
    "numbers as text": ({"id": "m", "max_input_tokens": "8192"}, "m", {"max_input_tokens": 8192}),
    "OpenAI": ({"id": "gpt", "object": "model", "created": 1, "owned_by": "openai"}, "gpt", None),
    "a bare id": ("gpt", "gpt", None),
    "nothing that counts": (
        {"id": "m", "name": "M", "max_input_tokens": True, "max_tokens": 0, "supports_vision": "yes"},
        "m",
        None,
    ),
    "shapes of another kind": (
        {"id": "m", "model_info": [], "architecture": "x", "supported_parameters": {}, "top_provider": None},
        "m",
        None,
    ),
}


@pytest.mark.parametrize(("entry", "name", "profile"), LISTS.values(), ids=LISTS.keys())
def test_a_list_tells_what_it_tells_and_no_more(entry: Any, name: str, profile: Any) -> None:
    assert profile_of(listed(entry), name) == profile
    assert set(profile or ()) <= set(get_type_hints(ModelProfile))


@pytest.mark.parametrize("name", ["Large One", "vendor/large-1"])
def test_a_model_is_found_by_its_id_or_by_the_name_that_people_see(name: str) -> None:
    found = profile_of(listed(OPENROUTER, LITELLM), name)
    assert found is not None
    assert found.get("max_input_tokens") == 200_000
    assert profile_of(listed(LITELLM, OPENROUTER), "Vendor: One") == profile_of(listed(OPENROUTER), "vendor/one")


def test_an_id_goes_before_another_models_display_name() -> None:
    models = listed({**OPENROUTER, "name": "local/llama"}, VLLM)
    assert profile_of(models, "local/llama") == {"max_input_tokens": 32_768}


def test_a_model_that_is_not_listed_has_no_profile() -> None:
    assert profile_of(listed(LITELLM), "other") is None
    assert profile_of((), "other") is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = ["model_info", "max_input_tokens", "supports_vision", "architecture", "supported_parameters", "model_name"]


@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES))
def test_whatever_an_entry_holds_it_does_no_harm(raw: dict[str, Any]) -> None:
    profile_of([Model(id="m", raw=raw)], "m")

"""What an upstream's model list tells of a model, as LangChain's profile."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from langchain_core.language_models import ModelProfile

from domain.chat import Model

# Where LiteLLM, vLLM, OpenRouter and other lists say it; the first one that does, counts.
_NUMBERS = {
    "max_input_tokens": ("max_input_tokens", "context_window", "context_length", "max_model_len", "max_context_length"),
    "max_output_tokens": ("max_output_tokens", "max_completion_tokens", "max_tokens"),
}
_FLAGS = {
    "image_inputs": ("supports_vision", "supports_image_input"),
    "image_url_inputs": ("supports_vision", "supports_image_input"),
    "audio_inputs": ("supports_audio_input",),
    "audio_outputs": ("supports_audio_output",),
    "pdf_inputs": ("supports_pdf_input",),
    "video_inputs": ("supports_video_input",),
    "tool_calling": ("supports_function_calling", "supports_tools", "supports_tool_calling"),
    "tool_choice": ("supports_tool_choice",),
    "structured_output": ("supports_response_schema", "supports_structured_output", "supports_json_schema"),
    "reasoning_output": ("is_reasoning_model", "supports_reasoning"),
}
# OpenRouter: `architecture.input_modalities` and `supported_parameters`.
_INPUTS = {"image": ("image_inputs", "image_url_inputs"), "audio": ("audio_inputs",), "file": ("pdf_inputs",)}
_PARAMETERS = {
    "tools": "tool_calling",
    "tool_choice": "tool_choice",
    "structured_outputs": "structured_output",
    "reasoning": "reasoning_output",
    "temperature": "temperature",
}


def profile_of(models: Iterable[Model], name: str) -> ModelProfile | None:
    """The profile of the model of that id, or display name, as far as the list tells; None when it tells nothing."""
    listed = tuple(models)
    found = next((model for model in listed if model.id == name), None) or next(
        (model for model in listed if model.raw.get("model_name") == name), None
    )
    if found is None:
        return None
    raw = found.raw
    places = (_object(raw, "model_info"), raw, _object(raw, "top_provider"), _object(raw, "litellm_params"))
    profile: dict[str, Any] = {}
    for key, names in _NUMBERS.items():
        value = _first(places, names, int)
        if value is not None and value > 0:
            profile[key] = value
    for key, names in _FLAGS.items():
        flag = _first(places, names, bool)
        if flag is not None:
            profile[key] = flag
    inputs: object = _object(raw, "architecture").get("input_modalities")
    if isinstance(inputs, list):
        profile.update((key, kind in inputs) for kind, keys in _INPUTS.items() for key in keys)
    parameters: object = raw.get("supported_parameters")
    if isinstance(parameters, list):
        profile.update((key, parameter in parameters) for parameter, key in _PARAMETERS.items())
    efforts: object = _first(places, ("reasoning_effort_options",), list)
    if isinstance(efforts, list) and efforts:
        profile["reasoning_effort_levels"] = [str(effort) for effort in cast("list[object]", efforts)]
    display: object = raw.get("model_name") or raw.get("name")
    if profile and isinstance(display, str):
        profile["name"] = display
    return cast("ModelProfile", profile) if profile else None


def _first(places: Iterable[Mapping[str, Any]], names: Iterable[str], kind: type) -> Any:
    for name in names:
        for place in places:
            value = place.get(name)
            # A bool is an int to Python, and no number of tokens.
            if type(value) is kind:
                return value
    return None


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: object = members.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

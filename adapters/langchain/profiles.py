"""What an upstream's model list tells of a model, as LangChain's profile."""

from collections.abc import Iterable, Iterator, Mapping
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
_LONGEST_COUNT = 12
# OpenRouter: `architecture.input_modalities`, `architecture.output_modalities` and `supported_parameters`.
_INPUTS = {
    "text": ("text_inputs",),
    "image": ("image_inputs", "image_url_inputs"),
    "audio": ("audio_inputs",),
    "video": ("video_inputs",),
    "file": ("pdf_inputs",),
}
_OUTPUTS = {"text": ("text_outputs",), "image": ("image_outputs",), "audio": ("audio_outputs",)}
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
        (model for model in listed if _display_name(model) == name), None
    )
    profile = {} if found is None else {**_plain_facts(found.raw), **_listed_facts(found.raw)}
    if found is None or not profile:
        return None
    if display := _display_name(found):
        profile["name"] = display
    return cast("ModelProfile", profile)


def _plain_facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    places = (_object(raw, "model_info"), raw, _object(raw, "top_provider"), _object(raw, "litellm_params"))
    facts: dict[str, Any] = {}
    for key, names in _NUMBERS.items():
        counts = (_count(value) for value in _told(places, names))
        if count := next((count for count in counts if count), None):
            facts[key] = count
    for key, names in _FLAGS.items():
        flag = next((value for value in _told(places, names) if isinstance(value, bool)), None)
        if flag is not None:
            facts[key] = flag
    levels = (_names(value) for value in _told(places, ("reasoning_effort_options",)))
    if efforts := next((names for names in levels if names), None):
        facts["reasoning_effort_levels"] = efforts
    return facts


def _listed_facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a list of names tells, also by what is not in it."""
    facts: dict[str, Any] = {}
    architecture = _object(raw, "architecture")
    for member, kinds in (("input_modalities", _INPUTS), ("output_modalities", _OUTPUTS)):
        if told := _names(architecture.get(member)):
            facts.update((key, kind in told) for kind, keys in kinds.items() for key in keys)
    if parameters := _names(raw.get("supported_parameters")):
        facts.update((key, parameter in parameters) for parameter, key in _PARAMETERS.items())
    return facts


def _display_name(model: Model) -> str | None:
    names = (model.raw.get(member) for member in ("model_name", "display_name", "name"))
    return next((name for name in names if isinstance(name, str) and name), None)


def _told(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[Any]:
    return (place[name] for name in names for place in places if name in place)


def _count(value: object) -> int | None:
    """A number of tokens; some lists write it as text. A bool is an int to Python, and none here."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_COUNT:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _names(value: object) -> list[str]:
    return [str(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: object = members.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

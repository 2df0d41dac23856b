"""What an entry of a model list tells of its model: LiteLLM's words, and those of other lists that tell as much."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from domain.chat import ModelFacts

# The first name that a list uses counts.
_NAMES = ("model_name", "display_name", "name")
_CONTEXT = ("context_window", "max_input_tokens", "context_length", "max_model_len", "max_context_length")
_OUTPUT = ("max_output_tokens", "max_completion_tokens", "max_tokens")
_INPUT_PRICE = ("input_price", "input_cost_per_token", "prompt")
_OUTPUT_PRICE = ("output_price", "output_cost_per_token", "completion")
_CACHED_PRICE = ("cached_price", "cache_read_input_token_cost", "input_cache_read")
_CACHING_PRICE = ("caching_price", "cache_creation_input_token_cost", "input_cache_write")
_VISION = ("supports_vision", "supports_image_input")
_REASONING = ("is_reasoning_model", "supports_reasoning")
_APIS = ("supported_api_list", "supported_apis")

_LONGEST_NUMBER = 40
_MOST_APIS = 10


def facts_in(entry: Mapping[str, Any]) -> ModelFacts:
    """The facts of one entry. Values that make no sense count as not told; nothing is raised."""
    # Where lists put them: LiteLLM, plain entries, OpenRouter, and what LiteLLM itself sends on.
    info, params = _object(entry, "model_info"), _object(entry, "litellm_params")
    places = (info, entry, _object(entry, "top_provider"), params)
    priced = (info, entry, _object(entry, "pricing"), params)
    return ModelFacts(
        name=next((each for each in _told((entry,), _NAMES) if isinstance(each, str) and each.strip()), None),
        context_window=_first_count(_told(places, _CONTEXT)),
        max_output_tokens=_first_count(_told(places, _OUTPUT)),
        input_price=_first_price(_told(priced, _INPUT_PRICE)),
        output_price=_first_price(_told(priced, _OUTPUT_PRICE)),
        cached_price=_first_price(_told(priced, _CACHED_PRICE)),
        caching_price=_first_price(_told(priced, _CACHING_PRICE)),
        supports_vision=_flag(_told(places, _VISION)),
        is_reasoning=_flag(_told(places, _REASONING)),
        apis=next((_apis(each) for each in _told(places, _APIS)), ()),
    )


def _told(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[object]:
    return (place[name] for name in names for place in places if place.get(name) is not None)


def _first_count(values: Iterable[object]) -> int | None:
    """A positive whole number of tokens, which some lists write as text or with a point."""
    for value in values:
        number = _number(value)
        if number is not None and number > 0 and number == number.to_integral_value():
            return int(number)
    return None


def _first_price(values: Iterable[object]) -> Decimal | None:
    return next((number for value in values if (number := _number(value)) is not None and number >= 0), None)


def _number(value: object) -> Decimal | None:
    """A finite number, whether it stands as one or as text. A bool is an int to Python, and none here."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value).strip()
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else None
    except (InvalidOperation, ValueError):
        return None
    # No count and no price is that large or that small; a power that is would fill the memory when written out.
    return number if number is not None and number.is_finite() and abs(number.adjusted()) <= _LONGEST_NUMBER else None


def _flag(values: Iterable[object]) -> bool | None:
    return next((value for value in values if isinstance(value, bool)), None)


def _apis(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    names = (each.strip().upper() for each in cast("list[object]", value) if isinstance(each, str) and each.strip())
    return tuple(dict.fromkeys(names))[:_MOST_APIS]


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: object = members.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

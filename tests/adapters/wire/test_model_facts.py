"""What model lists tell of a model, in every dress that is known."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.model_facts import facts_in
from domain.chat import ModelFacts

CATALOGUE: dict[str, Any] = {
    "model_name": "Big Model",
    "litellm_params": {"model": "vendor/big", "max_tokens": 4096},
    "model_info": {
        "context_window": 200_000,
        "max_output_tokens": "8192",
        "supports_vision": True,
        "is_reasoning_model": False,
        "supported_api_list": ["chat_completions", "RESPONSES", "responses", "", 3],
        "input_price": "0.000003",
        "output_price": 1.5e-05,
        "cached_price": 0,
        "caching_price": "3.75e-6",
    },
}


def test_a_catalogue_entry_tells_windows_prices_abilities_and_apis() -> None:
    assert facts_in(CATALOGUE) == ModelFacts(
        name="Big Model",
        context_window=200_000,
        max_output_tokens=8192,
        input_price=Decimal("0.000003"),
        output_price=Decimal("0.000015"),
        cached_price=Decimal(0),
        caching_price=Decimal("0.00000375"),
        supports_vision=True,
        is_reasoning=False,
        apis=("CHAT_COMPLETIONS", "RESPONSES"),
    )


def test_other_lists_say_the_same_in_other_words() -> None:
    openrouter = {
        "id": "v/m",
        "name": "V: M",
        "context_length": 1000.0,
        "top_provider": {"max_completion_tokens": 100},
        "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    }
    facts = facts_in(openrouter)
    assert (facts.name, facts.context_window, facts.max_output_tokens) == ("V: M", 1000, 100)
    assert (facts.input_price, facts.output_price) == (Decimal("0.000001"), Decimal("0.000002"))
    assert facts_in({"max_model_len": 4096}).context_window == 4096
    assert facts_in({"litellm_params": {"max_tokens": 7}}).max_output_tokens == 7


def test_a_plain_entry_tells_nothing() -> None:
    assert facts_in({"id": "m", "object": "model"}) == ModelFacts()


@pytest.mark.parametrize(
    "value", [True, -1, 0.5, "many", "", None, [], {}, float("nan"), float("inf"), "1e999", "9" * 99]
)
def test_a_window_that_makes_no_sense_counts_as_not_told(value: object) -> None:
    assert facts_in({"context_window": value}).context_window is None


@pytest.mark.parametrize("value", [True, -1, "free", None, [], float("nan"), float("-inf"), "1e-999999"])
def test_a_price_that_makes_no_sense_counts_as_not_told(value: object) -> None:
    assert facts_in({"input_price": value, "input_cost_per_token": 2}).input_price == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    ["model_info", "litellm_params", "context_window", "input_price", "pricing", "supported_api_list"]
)


@given(st.dictionaries(WORDS, JSON | st.dictionaries(WORDS, JSON)))
def test_no_entry_is_too_odd(entry: dict[str, Any]) -> None:
    assert isinstance(facts_in(json.loads(json.dumps(entry))), ModelFacts)

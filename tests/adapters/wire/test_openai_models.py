"""Model lists of every kind in, OpenAI's out."""

import json
from typing import Any

import pytest

from adapters.wire.openai_models import decode_models, encode_model, encode_models
from domain.chat import Model
from domain.errors import UpstreamProtocolError

ENTRY: dict[str, Any] = {
    "model_name": "Big Model",
    "litellm_params": {
        "model": "vendor/big",
        "max_tokens": 4096,
        "api_key": "sk-secret",
        "api_base": "https://inside.example",
    },
    "model_info": {
        "id": "f00",
        "context_window": 200_000,
        "max_output_tokens": 8192,
        "supports_vision": True,
        "supports_caching": None,
        "is_reasoning_model": False,
        "reasoning_effort_options": ["low", "high"],
        "supported_api_list": ["CHAT_COMPLETIONS"],
        "input_price": "0.000003",
        "output_price": 1.5e-05,
        "credentials": "sk-secret",
        "description": {"not": "plain"},
    },
}


def encoded(model: Model) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encode_model(model))
    return document


def decoded(document: object) -> tuple[Model, ...]:
    return decode_models(json.dumps(document).encode())


def test_a_plain_entry_comes_back_with_all_its_fields_as_they_were() -> None:
    entry = {"id": "m", "object": "model", "created": 7, "owned_by": "o", "permission": [{"x": None}], "max_len": 1}
    (model,) = decoded({"object": "list", "data": [entry]})
    assert model == Model(id="m", owned_by="o", created=7, raw=entry)
    assert encoded(model) == entry
    assert json.loads(encode_models([model])) == {"object": "list", "data": [entry]}


def test_missing_fields_are_added() -> None:
    (model,) = decoded([{"id": "m", "created": None, "x": 1}])
    assert encoded(model) == {"id": "m", "x": 1, "object": "model", "created": 0, "owned_by": "upstream"}
    assert encoded(Model(id="d")) == {"id": "d", "object": "model", "created": 0, "owned_by": "upstream"}


def test_lists_come_bare_or_wrapped_as_objects_or_as_ids() -> None:
    entries = ["a", {"id": "b"}, {"name": "c"}, {"model": "d", "name": "x"}, {"model_name": "e"}]
    for document in (entries, {"data": entries}, {"models": entries, "data": None}):
        assert [model.id for model in decoded(document)] == ["a", "b", "c", "d", "e"]


def test_a_catalogue_entry_is_named_by_the_id_to_send_and_keeps_everything_inside() -> None:
    (model,) = decoded({"data": [ENTRY]})
    assert model.id == "vendor/big"
    assert model.raw == ENTRY


def test_a_catalogue_entry_goes_out_as_a_model_with_its_useful_facts_and_no_secret() -> None:
    (model,) = decoded([ENTRY])
    assert encoded(model) == {
        "id": "vendor/big",
        "object": "model",
        "created": 0,
        "owned_by": "upstream",
        "name": "Big Model",
        "max_tokens": 4096,
        "context_window": 200_000,
        "max_output_tokens": 8192,
        "supports_vision": True,
        "is_reasoning_model": False,
        "reasoning_effort_options": ["low", "high"],
        "supported_api_list": ["CHAT_COMPLETIONS"],
        "input_price": "0.000003",
        "output_price": 1.5e-05,
    }


@pytest.mark.parametrize("mark", ["litellm_params", "model_info", "model_name"])
def test_any_sign_of_a_catalogue_closes_the_entry(mark: str) -> None:
    (model,) = decoded([{"id": "m", mark: {"model": "m", "api_key": "sk-secret"}, "api_key": "sk-secret"}])
    assert b"secret" not in encode_model(model)


def test_entries_without_an_id_are_skipped_and_of_duplicates_the_first_wins() -> None:
    entries: list[object] = [
        None,
        3,
        [],
        {},
        {"id": ""},
        {"id": 4},
        " ",
        {"id": "a", "owned_by": "1"},
        {"id": "a"},
        "a",
    ]
    assert decoded(entries) == (Model(id="a", owned_by="1", raw={"id": "a", "owned_by": "1"}),)
    assert decoded({"data": []}) == ()


def test_numbers_that_json_does_not_have_do_not_spoil_the_list() -> None:
    (model,) = decode_models(b'\xef\xbb\xbf[{"id":"m","price":NaN,"name":"\\ud800"}]')
    assert encoded(model)["price"] is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "nothing"),
        (b"\n <!doctype html><html>", "an HTML page"),
        (b"upstream error", "14 bytes that are not JSON"),
        (b"\xff\xfe", "2 bytes that are not JSON"),
        (b"3", "an integer"),
        (b'"m"', "a string"),
        (b"{}", "an empty object"),
        (b'{"error":{"message":"x"},"code":1}', "an object with the members: code, error"),
        (b'{"data":{"id":"m"}}', "an object with the members: data"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_model_list_is_named(body: bytes, told: str) -> None:
    with pytest.raises(UpstreamProtocolError) as caught:
        decode_models(body)
    assert told in str(caught.value)
    assert "LLM_MODELS_API_URL" in str(caught.value)

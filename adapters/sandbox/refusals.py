"""What the upstream refuses, in OpenAI's error shape."""

from collections.abc import Iterable, Mapping

from starlette.responses import Response

from adapters.sandbox.json_values import JsonObject, json_bytes

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "internal_error", 503: "server_overloaded"}


class RefusedRequestError(Exception):
    """A request that is not answered; `param` names the offending field by its path."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status
        self.headers = headers


def error_body(message: str, *, status: int, param: str | None = None, code: str | None = None) -> JsonObject:
    """OpenAI's `ErrorResponse`; the type follows from the status."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}}


def json_response(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json_bytes(body), status_code=status, headers=headers, media_type="application/json")


def refusal_response(error: RefusedRequestError) -> Response:
    body = error_body(str(error), status=error.status, param=error.param, code=error.code)
    return json_response(body, status=error.status, headers=error.headers)


def invalid_type(param: str, expected: str, value: object) -> RefusedRequestError:
    names: dict[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    got = names.get(type(value), "something else")
    return RefusedRequestError(
        f"Invalid type for '{param}': expected {expected}, but got {got} instead.", param=param, code="invalid_type"
    )


def invalid_value(param: str, message: str) -> RefusedRequestError:
    return RefusedRequestError(f"Invalid value for '{param}': {message}", param=param, code="invalid_value")


def unsupported_value(param: str, value: object, supported: Iterable[str]) -> RefusedRequestError:
    known = ", ".join(repr(each) for each in supported)
    return invalid_value(param, f"{value!r}. Supported values are: {known}.")


def missing_parameter(param: str) -> RefusedRequestError:
    return RefusedRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def context_exceeded(window: int, prompt_tokens: int) -> RefusedRequestError:
    return RefusedRequestError(
        f"This model's maximum context length is {window} tokens. However, your messages resulted in {prompt_tokens} "
        "tokens. Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    )

"""An error in the words of a terminal: ours, and what the upstream said of it."""

import json
from typing import Any

from adapters.wire.openai_errors import reshape_upstream_error
from adapters.wire.upstream_words import showable
from domain.errors import OCAError, UpstreamStatusError
from domain.http import Headers, find_header
from domain.words import Text, joined

# By these the upstream's people find the request in their logs.
_REQUEST_IDS = ("opc-request-id", "x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


def error_told(error: OCAError) -> Text:
    """What failed, why, and what to do, in one paragraph and without a secret."""
    if not isinstance(error, UpstreamStatusError):
        return error.text
    said = _upstream_words(error)
    name, request_id = _request_id(error.headers)
    told = [error.text]
    if said:
        told.append(Text(f"It said: {said}", f"上游的说明：{said}"))
    if request_id:
        told.append(Text(f"({name}: {request_id})", f"（{name}：{request_id}）"))
    return joined(told, Text(" ", ""))


def _upstream_words(error: UpstreamStatusError) -> str:
    reshaped: dict[str, Any] = json.loads(
        reshape_upstream_error(error.status, find_header(error.headers, "content-type"), error.body)
    )
    return showable(str(reshaped["error"]["message"]))


def _request_id(headers: Headers) -> tuple[str, str]:
    for name in _REQUEST_IDS:
        if value := find_header(headers, name):
            return name, showable(value, max_chars=100)
    return "", ""

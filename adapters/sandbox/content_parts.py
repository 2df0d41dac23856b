"""The parts of a message's content: their check, and what they show beside text.

Refused is what OpenAI refuses: base64 that does not decode, and a picture, a recording or a PDF that is none. What a
web address or a file's id stands for is taken on trust, since nothing here leaves the machine. Unknown keys are
accepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.json_values import JsonObject, as_array, as_object
from adapters.sandbox.media import (
    AUDIO_KINDS,
    IMAGE_KINDS,
    audio_kind,
    audio_tokens,
    image_kind,
    is_pdf,
    is_web_address,
    read_base64,
    read_data_url,
)
from adapters.sandbox.refusals import (
    RefusedRequestError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unsupported_value,
)

_ANY_PART = ("text", "image_url", "input_audio", "file")
_PARTS = {
    "user": _ANY_PART,
    # OpenAI itself takes text alone as a tool's result. Many upstreams that speak its language take pictures and files
    # there too, and callers rely on it.
    "tool": _ANY_PART,
    "assistant": ("text", "refusal"),
}
_DETAILS = ("auto", "low", "high", "original")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a message shows beside its text: `recordings` by their audio tokens, `documents` by their names."""

    images: int = 0
    recordings: tuple[int, ...] = ()
    documents: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.images or self.recordings or self.documents)


def check_content(content: Any, role: str, path: str) -> None:
    """Raises RefusedRequestError."""
    if isinstance(content, str):
        return
    parts = as_array(content)
    if parts is None:
        raise invalid_type(path, "a string or an array of objects", content)
    if not parts:
        raise RefusedRequestError(f"Invalid '{path}': empty array.", param=path, code="empty_array")
    kinds = _PARTS.get(role, ("text",))
    for index, value in enumerate(parts):
        _check_part(value, kinds, f"{path}[{index}]")


def need_string(holder: JsonObject, key: str, path: str) -> str:
    """Raises RefusedRequestError."""
    if key not in holder:
        raise missing_parameter(f"{path}.{key}")
    if not isinstance(holder[key], str):
        raise invalid_type(f"{path}.{key}", "a string", holder[key])
    return str(holder[key])


def text_of(message: JsonObject) -> str:
    """A message's text, its text parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in _parts_of(message))


def seen_in(message: JsonObject) -> Seen:
    """What a checked message shows."""
    parts = [(part["type"], part) for part in _parts_of(message)]
    return Seen(
        images=sum(kind == "image_url" for kind, _ in parts),
        recordings=tuple(audio_tokens(part[kind]["data"]) for kind, part in parts if kind == "input_audio"),
        documents=tuple(
            part[kind].get("filename") or part[kind].get("file_id") for kind, part in parts if kind == "file"
        ),
    )


def _parts_of(message: JsonObject) -> Iterator[JsonObject]:
    return (as_object(part) or {} for part in as_array(message.get("content")) or [])


def _check_part(value: Any, kinds: tuple[str, ...], where: str) -> None:
    part = as_object(value)
    if part is None:
        raise invalid_type(where, "an object", value)
    kind = part.get("type")
    if kind is None:
        raise missing_parameter(f"{where}.type")
    if kind not in kinds:
        raise unsupported_value(f"{where}.type", kind, kinds)
    if kind in {"text", "refusal"}:
        need_string(part, kind, where)
        return
    place = f"{where}.{kind}"
    if kind not in part:
        raise missing_parameter(place)
    inner = as_object(part[kind])
    if inner is None:
        raise invalid_type(place, "an object", part[kind])
    match kind:
        case "image_url":
            _check_image(inner, place)
        case "input_audio":
            _check_audio(inner, place)
        case _:
            _check_file(inner, place)


def _check_image(image: JsonObject, place: str) -> None:
    detail = image.get("detail")
    if detail is not None and detail not in _DETAILS:
        raise unsupported_value(f"{place}.detail", detail, _DETAILS)
    url = need_string(image, "url", place)
    where = f"{place}.url"
    if not url.lower().startswith("data:"):
        if not is_web_address(url):
            raise RefusedRequestError(
                f"Invalid '{where}'. Expected a valid URL, but got a value with an invalid format.",
                param=where,
                code="invalid_image_url",
            )
        return
    picture = read_data_url(url)
    if picture is None:
        raise RefusedRequestError(
            f"Invalid '{where}'. Expected a base64-encoded data URL with an image MIME type (e.g. "
            "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got something else.",
            param=where,
            code="invalid_image_url",
        )
    declared = picture.mime_type.removeprefix("image/")
    declared = "jpeg" if declared == "jpg" else declared
    if declared not in IMAGE_KINDS:
        raise RefusedRequestError(
            f"You uploaded an unsupported image ('{picture.mime_type}'). Please make sure your image is valid and has "
            f"of one the following formats: {list(IMAGE_KINDS)}.",
            param=where,
            code="invalid_image_format",
        )
    if image_kind(picture.data) != declared:
        raise RefusedRequestError(
            f"The image data you provided does not represent a valid image of type '{picture.mime_type}'. Please check "
            "your input and try again.",
            param=where,
            code="image_parse_error",
        )


def _check_audio(audio: JsonObject, place: str) -> None:
    text = need_string(audio, "data", place)
    declared = need_string(audio, "format", place)
    if declared not in AUDIO_KINDS:
        raise unsupported_value(f"{place}.format", declared, AUDIO_KINDS)
    data = read_base64(text)
    if data is None:
        raise invalid_value(f"{place}.data", "expected audio in base64.")
    if audio_kind(data) != declared:
        raise invalid_value(f"{place}.data", f"the data is not of valid {declared} format.")


def _check_file(document: JsonObject, place: str) -> None:
    if document.get("file_id") is not None:
        if document.get("file_data") is not None:
            raise RefusedRequestError(
                "Mutually exclusive parameters: 'file_id' and 'file_data'. Ensure you are only providing one of: "
                "'file_id' or 'file_data'.",
                param=f"{place}.file_data",
                code="mutually_exclusive_parameters",
            )
        if not need_string(document, "file_id", place):
            raise invalid_value(f"{place}.file_id", "expected the id of a file.")
        return
    url = need_string(document, "file_data", place)
    need_string(document, "filename", place)
    where = f"{place}.file_data"
    given = read_data_url(url)
    if given is None or not given.data:
        raise invalid_value(
            where,
            "expected a base64-encoded data URL with a MIME type (e.g. 'data:application/pdf;base64,JVBERi0xLjQ=').",
        )
    if given.mime_type == "application/pdf" and not is_pdf(given.data):
        raise invalid_value(where, "the data is not a PDF.")

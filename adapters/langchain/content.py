"""LangChain's content blocks, of every generation and of other providers' makes, as the domain's content parts."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from mimetypes import guess_extension
from typing import Any, cast

from domain.chat import AudioPart, ContentPart, FilePart, ImagePart, OtherPart, TextPart

Block = Mapping[str, Any]

# What a model says of its own thinking and doing; it stands in other fields of a message, or is not sent back at all.
NOT_SENT = frozenset(
    (
        "code_interpreter_call",
        "computer_call",
        "file_search_call",
        "function_call",
        "image_generation_call",
        "input_json_delta",
        "invalid_tool_call",
        "mcp_call",
        "reasoning",
        "reasoning_content",
        "redacted_thinking",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "server_tool_use",
        "thinking",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
        "web_search_call",
    )
)
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a", "mp4": "m4a"}


def parts_of(content: str | Iterable[Any]) -> tuple[ContentPart, ...]:
    """A message's content as parts. Raises ValueError for a block that holds no data at all."""
    if isinstance(content, str):
        return (TextPart(text=content),) if content else ()
    return tuple(part for block in content for part in _parts_of_block(block))


def _parts_of_block(block: Any) -> tuple[ContentPart, ...]:
    if isinstance(block, str):
        return (TextPart(text=block),)
    members = cast("Block", block)
    kind = members.get("type")
    if kind in NOT_SENT:
        return ()
    make = _MAKERS.get(str(kind))
    if make is not None:
        return (make(members),)
    if kind is None and set(members) == {"text"}:
        return (TextPart(text=str(members["text"])),)
    # A part that only the upstream knows goes to it as it is.
    return (OtherPart(raw=dict(members)),)


def _text(block: Block) -> ContentPart:
    if block.get("source_type") == "text" or "text" not in block:
        return _plain_text(block)
    text = str(block["text"])
    if "cache_control" in block:
        return OtherPart(raw={"type": "text", "text": text, "cache_control": block["cache_control"]})
    return TextPart(text=text)


def _plain_text(block: Block) -> ContentPart:
    """A text document: its words, where it has them, else a document."""
    if isinstance(text := block.get("text", block.get("data")), str) and block.get("source_type") != "base64":
        return TextPart(text=text)
    source = _Source(block)
    if source.data is None:
        return _document(block)
    try:
        return TextPart(text=base64.b64decode(source.data, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"A {block.get('type')} block holds no base64 of UTF-8 text.") from error


def _image_url(block: Block) -> ContentPart:
    image = block.get("image_url")
    if isinstance(image, dict):
        members = cast("Block", image)
        return ImagePart(url=str(members.get("url", "")), detail=members.get("detail"))
    if image is None and "file_id" in block:
        return FilePart(file_id=str(block["file_id"]))
    return ImagePart(url=str(image), detail=block.get("detail"))


def _image(block: Block) -> ContentPart:
    if "image_url" in block:
        return _image_url(block)
    source = _Source(block)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    return ImagePart(url=source.address("image/png"), detail=block.get("detail"))


def _input_audio(block: Block) -> ContentPart:
    audio: object = block.get("input_audio")
    if not isinstance(audio, dict):
        return _audio(block)
    members = cast("Block", audio)
    return AudioPart(data=str(members.get("data", "")), format=str(members.get("format", "wav")))


def _audio(block: Block) -> ContentPart:
    source = _Source(block)
    if source.data is not None:
        subtype = (source.mime_type or "audio/wav").partition("/")[2].partition(";")[0]
        return AudioPart(data=source.data, format=_AUDIO_FORMATS.get(subtype, subtype))
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    # Not OpenAI's, but what those upstreams have that take recordings by address.
    return OtherPart(raw={"type": "audio_url", "audio_url": {"url": source.address("audio/wav")}})


def _video(block: Block) -> ContentPart:
    source = _Source(block)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    return OtherPart(raw={"type": "video_url", "video_url": {"url": source.address("video/mp4")}})


def _file(block: Block) -> ContentPart:
    file: object = block.get("file")
    if isinstance(file, dict):
        members = cast("Block", file)
        if not set(members) <= {"file_data", "file_id", "filename"}:
            return OtherPart(raw=dict(block))
        return FilePart(url=members.get("file_data"), file_id=members.get("file_id"), filename=members.get("filename"))
    return _document(block)


def _input_file(block: Block) -> ContentPart:
    """As the Responses API has it."""
    url = block.get("file_data") or block.get("file_url")
    if url is None and block.get("file_id") is None:
        return _document(block)
    return FilePart(url=url, file_id=block.get("file_id"), filename=block.get("filename"))


def _document(block: Block) -> ContentPart:
    source = _Source(block)
    if source.kind == "text" and isinstance(source.text, str):
        return TextPart(text=source.text)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    url = source.address("application/pdf")
    # Upstreams want a name for what comes without an address.
    return FilePart(url=url, filename=source.filename or (source.usual_name if source.data is not None else None))


class _Source:
    """Where a block keeps its data: LangChain's blocks of today and of before, and Anthropic's `source`."""

    def __init__(self, block: Block) -> None:
        inner: object = block.get("source")
        source: Block = cast("Block", inner) if isinstance(inner, dict) else block
        self._block = block
        self.kind = str(source.get("source_type") or (source.get("type") if source is not block else "") or "")
        self.mime_type: str | None = source.get("mime_type") or source.get("media_type") or block.get("mime_type")
        self.text: object = source.get("text", source.get("data"))
        base64_data = source.get("base64") or (source.get("data") if self.kind != "text" else None)
        # In pieces that a stream has left behind the data may be bytes of text; nothing else is base64.
        self.data: str | None = base64_data if isinstance(base64_data, str) else None
        self.url: str | None = source.get("url")
        by_id = source.get("id") if self.kind == "id" else None
        self.file_id: str | None = source.get("file_id") or by_id
        self.filename = self._name()

    def address(self, usual_type: str) -> str:
        """The data as an address. Raises ValueError when there is none."""
        if self.url is not None:
            return self.url
        if self.data is None:
            raise ValueError(f"A content block of type {self._block.get('type')!r} needs one of: url, base64, file_id.")
        return f"data:{self.mime_type or usual_type};base64,{self.data}"

    @property
    def usual_name(self) -> str:
        return f"document{guess_extension(self.mime_type or 'application/pdf') or ''}"

    def _name(self) -> str | None:
        places = (self._block, self._block.get("extras"), self._block.get("metadata"))
        for place in places:
            if isinstance(place, dict):
                members = cast("Block", place)
                for key in ("filename", "title", "name"):
                    if isinstance(name := members.get(key), str):
                        return name
        return None


def _non_standard(block: Block) -> ContentPart:
    value: object = block.get("value")
    return OtherPart(raw=dict(cast("Block", value)) if isinstance(value, dict) else dict(block))


_MAKERS: Mapping[str, Callable[[Block], ContentPart]] = {
    "audio": _audio,
    "document": _document,
    "file": _file,
    "image": _image,
    "image_url": _image_url,
    "input_audio": _input_audio,
    "input_file": _input_file,
    "input_image": _image_url,
    "input_text": _text,
    "non_standard": _non_standard,
    "output_text": _text,
    "text": _text,
    "text-plain": _plain_text,
    "video": _video,
}

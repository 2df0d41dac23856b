"""LangChain's content blocks, of every generation and of other providers' makes, as the domain's content parts."""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from adapters.langchain.block_sources import Block, BlockSource, beside, lacks
from domain.chat import AudioPart, ContentPart, FilePart, ImagePart, OtherPart, TextPart

# What a model says of its own thinking and doing; it stands in other fields of a message, or is not sent back at all.
NOT_SENT = frozenset(
    (
        # LangChain's
        "invalid_tool_call",
        "reasoning",
        "reasoning_content",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "tool_call",
        "tool_call_chunk",
        # Anthropic's
        "bash_code_execution_tool_result",
        "code_execution_tool_result",
        "compaction",
        "input_json_delta",
        "mcp_tool_result",
        "mcp_tool_use",
        "redacted_thinking",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "thinking",
        "tool_search_tool_result",
        "tool_use",
        "web_fetch_tool_result",
        "web_search_tool_result",
        # OpenAI's Responses API's
        "code_interpreter_call",
        "computer_call",
        "custom_tool_call",
        "file_search_call",
        "function_call",
        "image_generation_call",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "tool_search_call",
        "web_search_call",
        # Google's
        "code_execution_result",
        "executable_code",
    )
)
_TEXTS = ("text", "input_text", "output_text")
# They mark the end of what the upstream shall keep in its cache: Anthropic's, and OpenAI's.
_CACHE_MARKS = ("cache_control", "prompt_cache_breakpoint")
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a", "mp4": "m4a"}


def parts_of(content: str | Iterable[Any]) -> tuple[ContentPart, ...]:
    """A message's content as parts. Raises ValueError for a block that holds no data at all."""
    if isinstance(content, str):
        return (TextPart(text=content),) if content else ()
    return tuple(part for block in content for part in _parts_of_block(block))


def _parts_of_block(block: Any) -> tuple[ContentPart, ...]:
    if isinstance(block, str):
        return (TextPart(text=block),) if block else ()
    members = cast("Block", block)
    kind = members.get("type")
    # Upstreams refuse a text of nothing; streams leave such behind, with notes to the text before.
    if kind in NOT_SENT or (kind in _TEXTS and not members.get("text") and "source_type" not in members):
        return ()
    if kind == "non_standard" and isinstance(members.get("value"), dict):
        return _parts_of_block(members["value"])
    make = _MAKERS.get(str(kind))
    if make is not None:
        return (_with_cache_marks(make(members), members),)
    if kind is None and set(members) == {"text"}:
        return (TextPart(text=str(members["text"])),)
    # A part that only the upstream knows goes to it as it is.
    return (OtherPart(raw=dict(members)),)


def _with_cache_marks(part: ContentPart, block: Block) -> ContentPart:
    marks = {name: mark for name in _CACHE_MARKS if (mark := beside(block, name)) is not None}
    return OtherPart(raw={**_on_wire(part), **marks}) if marks else part


def _text(block: Block) -> ContentPart:
    if isinstance(text := block.get("text"), str):
        return TextPart(text=text)
    return _plain_text(block)


def _plain_text(block: Block) -> ContentPart:
    """A text document: its words, where it has them, else a document."""
    source = BlockSource(block)
    if source.text is not None:
        return TextPart(text=source.text)
    if source.data is None:
        return _document(block)
    try:
        return TextPart(text=base64.b64decode(source.data, validate=True).decode())
    except ValueError as error:
        raise ValueError(f"A content block of type {block.get('type')!r} holds no base64 of UTF-8 text.") from error


def _image_url(block: Block) -> ContentPart:
    """As OpenAI has it: an object with `url`, or the address itself (Responses API, and many a user)."""
    image = block.get("image_url")
    members: Block = cast("Block", image) if isinstance(image, dict) else {"url": image}
    if not members.get("url"):
        if isinstance(file_id := block.get("file_id"), str):
            return FilePart(file_id=file_id)
        raise lacks(block, "image_url")
    return ImagePart(url=str(members["url"]), detail=members.get("detail") or beside(block, "detail"))


def _image(block: Block) -> ContentPart:
    if "image_url" in block:
        return _image_url(block)
    source = BlockSource(block)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    return ImagePart(url=source.address("image/png"), detail=beside(block, "detail"))


def _input_audio(block: Block) -> ContentPart:
    audio: object = block.get("input_audio")
    if not isinstance(audio, dict):
        return _audio(block)
    members = cast("Block", audio)
    if not members.get("data"):
        raise lacks(block, "data")
    return AudioPart(data=str(members["data"]), format=str(members.get("format") or "wav"))


def _audio(block: Block) -> ContentPart:
    source = BlockSource(block)
    if source.data is not None:
        subtype = (source.mime_type or "audio/wav").partition("/")[2].partition(";")[0]
        return AudioPart(data=source.data, format=_AUDIO_FORMATS.get(subtype, subtype))
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    # Not OpenAI's, but what those upstreams have that take recordings by address.
    return OtherPart(raw={"type": "audio_url", "audio_url": {"url": source.address("audio/wav")}})


def _video(block: Block) -> ContentPart:
    source = BlockSource(block)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    return OtherPart(raw={"type": "video_url", "video_url": {"url": source.address("video/mp4")}})


def _file(block: Block) -> ContentPart:
    file: object = block.get("file")
    if not isinstance(file, dict):
        return _document(block)
    members = cast("Block", file)
    if not set(members) <= {"file_data", "file_id", "filename"}:
        return OtherPart(raw=dict(block))
    if not (members.get("file_data") or members.get("file_id")):
        raise lacks(block, "file_data, file_id")
    return FilePart(url=members.get("file_data"), file_id=members.get("file_id"), filename=members.get("filename"))


def _input_file(block: Block) -> ContentPart:
    """As the Responses API has it."""
    url = block.get("file_data") or block.get("file_url")
    if not (url or block.get("file_id")):
        return _document(block)
    return FilePart(url=url, file_id=block.get("file_id"), filename=block.get("filename"))


def _document(block: Block) -> ContentPart:
    source = BlockSource(block)
    if source.text is not None:
        return TextPart(text=source.text)
    if source.file_id is not None:
        return FilePart(file_id=source.file_id)
    url = source.address("application/pdf")
    # Upstreams want a name for what comes without an address.
    return FilePart(url=url, filename=source.filename or (source.usual_name if source.data is not None else None))


def _on_wire(part: ContentPart) -> dict[str, Any]:
    """A part as `adapters.wire.openai_chat` writes it, for parts that carry more than the domain knows."""
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(url=url, detail=detail):
            return {"type": "image_url", "image_url": {"url": url, **({"detail": detail} if detail else {})}}
        case AudioPart(data=data, format=kind):
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
        case FilePart():
            file = {"file_id": part.file_id, "filename": part.filename, "file_data": part.url}
            return {"type": "file", "file": {name: value for name, value in file.items() if value is not None}}
        case OtherPart(raw=raw):
            return dict(raw)


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
    "output_text": _text,
    "text": _text,
    "text-plain": _plain_text,
    "video": _video,
}

"""OpenAI's chat completions as a `ports.codec.ChatCodec`: domain requests out, answers in."""

import json
from typing import Any

from adapters.wire.openai_chat_stream import OpenAIStreamDecoder
from adapters.wire.openai_chunks import ChunkReader, no_choices
from domain.chat import (
    AudioPart,
    ChatRequest,
    ChatResponse,
    ContentPart,
    FilePart,
    ImagePart,
    Message,
    OtherPart,
    OtherTool,
    TextPart,
    Tool,
)
from domain.events import fold


class OpenAIChatCodec:
    """How to ask an upstream that speaks chat completions. Holds no state."""

    def encode_request(self, request: ChatRequest, *, stream: bool) -> bytes:
        """The request's body. What is None stays unsaid; `extras` come last and win, except over `stream` itself."""
        body: dict[str, Any] = {"model": request.model, "messages": [_message(each) for each in request.messages]}
        options = {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop) or None,
            "tools": [_tool(each) for each in request.tools] or None,
            "tool_choice": request.tool_choice,
            "reasoning_effort": request.reasoning_effort,
            "stream_options": {"include_usage": True} if stream and request.stream_usage else None,
        }
        body.update((name, value) for name, value in options.items() if value is not None)
        body.update(request.extras)
        # The caller of this method decides how it reads the answer.
        body["stream"] = stream
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")

    def stream_decoder(self) -> OpenAIStreamDecoder:
        """A decoder for one streamed answer."""
        return OpenAIStreamDecoder()

    def decode_response(self, body: bytes) -> ChatResponse:
        """A whole answer, read as a stream of one chunk; or a stream, from an upstream that streams unasked.

        Raises UpstreamStatusError if it is an error object, UpstreamProtocolError if it is no answer at all,
        StreamInterruptedError for half a stream.
        """
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            decoder = self.stream_decoder()
            return fold([*decoder.feed(body), *decoder.finish()])
        reader = ChunkReader()
        events = [*reader.read(body), *reader.close()]
        if not reader.answered:
            raise no_choices()
        return fold(events)


def _message(message: Message) -> dict[str, Any]:
    """A message of the wire. Reasoning is not sent back: upstreams refuse it or count it twice."""
    wire: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.name is not None:
        wire["name"] = message.name
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.refusal:
        wire["refusal"] = message.refusal
    wire.update(message.extras)
    return wire


def _content(message: Message) -> str | list[dict[str, Any]] | None:
    if not message.content and (message.tool_calls or message.refusal or message.extras):
        return None
    # A plain string is what every upstream reads.
    if all(isinstance(part, TextPart) for part in message.content):
        return message.text
    return [_part(part) for part in message.content]


def _part(part: ContentPart) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(url=url, detail=None):
            return {"type": "image_url", "image_url": {"url": url}}
        case ImagePart(url=url, detail=detail):
            return {"type": "image_url", "image_url": {"url": url, "detail": detail}}
        case AudioPart(data=data, format=kind):
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
        case FilePart():
            file = {"file_id": part.file_id, "filename": part.filename, "file_data": part.url}
            return {"type": "file", "file": {name: value for name, value in file.items() if value is not None}}
        case OtherPart(raw=raw):
            return dict(raw)


def _tool(tool: Tool | OtherTool) -> dict[str, Any]:
    if isinstance(tool, OtherTool):
        return dict(tool.raw)
    # A tool without parameters is written out: some upstreams refuse a schema that is empty or missing.
    parameters = dict(tool.parameters) or {"type": "object", "properties": {}}
    function: dict[str, Any] = {"name": tool.name, "parameters": parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}

"""The answer of chat completions, read chunk by chunk into domain events."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.wire.openai_errors import reshape_upstream_error, tells_error
from adapters.wire.sse import ServerSentEvent, SseDecoder
from domain.chat import Usage
from domain.errors import StreamInterruptedError, UpstreamProtocolError, UpstreamStatusError
from domain.events import (
    AnswerStarted,
    Finished,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)

_DONE = b"[DONE]"
_REASONING = ("reasoning_content", "reasoning", "thinking")
_SERVER_ERROR = 500


class OpenAIStreamDecoder:
    """Structurally a `ports.codec.StreamDecoder`. Nothing is read after `[DONE]`.

    An error object in mid-stream raises UpstreamStatusError: its body is that object, its status the code in it where
    that is an HTTP status, else 500.
    """

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._reader = ChunkReader()
        self._done = False

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """The events, to be iterated to the end: those before an error come out before it is raised."""
        events = [] if self._done else self._sse.feed(data)
        return (told for event in events for told in self._read(event))

    def finish(self) -> list[StreamEvent]:
        if self._done:
            return []
        try:
            last = [told for event in self._sse.finish() for told in self._read(event)]
        except UpstreamProtocolError as error:
            # The end came in the middle of an event.
            raise _interrupted() from error
        if not (self._reader.finished or self._reader.closed):
            raise _interrupted()
        self._done = True
        return [*last, *self._reader.close()]

    def _read(self, event: ServerSentEvent) -> Iterator[StreamEvent]:
        payload = event.data.strip()
        if self._done or not payload:
            return
        if payload == _DONE:
            self._done = True
            yield from self._reader.close()
        elif event.event == "error":
            raise _told_error(payload)
        else:
            yield from self._reader.read(payload)


class ChunkReader:
    """Turns chunks, or one whole answer, into events; only the first choice (index 0) is read."""

    def __init__(self) -> None:
        self.answered = False
        self.finished = False
        self.closed = False
        self._started = False
        self._usage: Usage | None = None
        self._calls = _ToolCalls()

    def read(self, payload: bytes) -> Iterator[StreamEvent]:
        """The events of one chunk. Raises UpstreamStatusError if it is an error, UpstreamProtocolError if nonsense."""
        chunk = _parse(payload)
        if tells_error(chunk):
            raise _told_error(payload)
        choice = next((each for each in _objects(chunk.get("choices")) if not each.get("index")), None)
        yield from self._start(chunk, begun=choice is not None)
        if choice is not None:
            self.answered = True
            yield from self._read_choice(choice)
        usage = _usage(chunk.get("usage"))
        # Some upstreams repeat a running count in every chunk.
        if usage is not None and usage != self._usage:
            self._usage = usage
            yield UsageReported(usage=usage)

    def close(self) -> Iterator[StreamEvent]:
        """What was held back. To be called at the answer's end; a second time there is nothing left."""
        self.closed = True
        return self._calls.flush()

    def _start(self, chunk: Mapping[str, Any], *, begun: bool) -> Iterator[StreamEvent]:
        # Azure's first chunk has neither id nor choices; the next one tells.
        answer_id, model = _text(chunk.get("id")) or None, _text(chunk.get("model")) or None
        if not self._started and (begun or answer_id or model):
            self._started = True
            self._calls.answer_id = answer_id or ""
            yield AnswerStarted(id=answer_id, model=model)

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[StreamEvent]:
        delta: object = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            yield from self._read_delta(cast("dict[str, Any]", delta))
        reason = _text(choice.get("finish_reason"))
        if reason and not self.finished:
            self.finished = True
            yield from self._calls.flush()
            yield Finished(reason=reason)

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[StreamEvent]:
        # Some upstreams say the same under two names: the first one counts.
        reasoning = next((_text(delta.get(name)) for name in _REASONING if _text(delta.get(name))), "")
        if reasoning:
            yield ReasoningDelta(text=reasoning)
        yield from _read_content(delta.get("content"))
        refusal = _text(delta.get("refusal"))
        if refusal:
            yield TextDelta(text=refusal)
        for call in _objects(delta.get("tool_calls")):
            yield from self._calls.read(call)


@dataclass(slots=True, kw_only=True)
class _Call:
    """A tool call under way; `arguments` are held back until its name is known."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    told: bool = False


class _ToolCalls:
    """Numbers tool calls from 0 in the order of their appearance, whatever the upstream makes of `index` and `id`.

    The first delta of each call has its id and name; where the upstream gives no id, one is made from the answer's id.
    """

    def __init__(self) -> None:
        self.answer_id = ""
        self._calls: list[_Call] = []
        self._by_wire_index: dict[int, _Call] = {}

    def read(self, wire: Mapping[str, Any]) -> Iterator[StreamEvent]:
        function: object = wire.get("function")
        members = cast("dict[str, Any]", function) if isinstance(function, dict) else {}
        call_id, name = _text(wire.get("id")), _text(members.get("name"))
        call = self._find(wire.get("index"), call_id, name)
        call.id = call.id or call_id
        call.name = call.name or name
        call.arguments += _arguments(members.get("arguments"))
        if call.name and (call.arguments or not call.told):
            yield self._tell(call)

    def flush(self) -> Iterator[StreamEvent]:
        """Calls that never got a name."""
        for call in self._calls:
            if not call.told or call.arguments:
                yield self._tell(call)

    def _find(self, wire_index: object, call_id: str, name: str) -> _Call:
        """The call that a delta belongs to, or a new one.

        By its index, unless another id *and* another name come under the same index: then it is the next call. Without
        an index by its id; with neither, a name begins a new call and anything else continues the last one.
        """
        if isinstance(wire_index, int):
            call = self._by_wire_index.get(wire_index)
            if call is None or (name and call.name and call_id and call.id and call_id != call.id):
                call = self._by_wire_index[wire_index] = self._new()
            return call
        known = next((call for call in self._calls if call_id and call.id == call_id), None)
        if known is not None:
            return known
        return self._calls[-1] if self._calls and not call_id and not name else self._new()

    def _new(self) -> _Call:
        call = _Call(index=len(self._calls))
        self._calls.append(call)
        return call

    def _tell(self, call: _Call) -> ToolCallDelta:
        arguments, call.arguments = call.arguments, ""
        if call.told:
            return ToolCallDelta(index=call.index, arguments=arguments)
        call.told = True
        call.id = call.id or self._made_up_id(call.index)
        return ToolCallDelta(index=call.index, id=call.id, name=call.name, arguments=arguments)

    def _made_up_id(self, index: int) -> str:
        # Distinct over a conversation, and within the 40 characters that OpenAI allows.
        return "call_" + hashlib.sha256(f"{self.answer_id}/{index}".encode(errors="replace")).hexdigest()[:24]


def _read_content(content: object) -> Iterator[StreamEvent]:
    """Text as a string, or in parts, among which some upstreams put their thinking."""
    if isinstance(content, str):
        if content:
            yield TextDelta(text=content)
        return
    for part in _objects(content):
        thinking: object = part.get("thinking")
        if text := _text(part.get("text")):
            yield TextDelta(text=text)
        elif thought := _text(thinking) or "".join(_text(each.get("text")) for each in _objects(thinking)):
            yield ReasoningDelta(text=thought)


def _usage(wire: object) -> Usage | None:
    if not isinstance(wire, dict):
        return None
    usage = cast("dict[str, Any]", wire)
    taken = _count(usage, "prompt_tokens", "input_tokens")
    given = _count(usage, "completion_tokens", "output_tokens")
    if taken is None and given is None:
        return None
    cached = (
        _count(usage.get("prompt_tokens_details"), "cached_tokens")
        or _count(usage.get("input_tokens_details"), "cached_tokens")
        or _count(usage, "cache_read_input_tokens", "prompt_cache_hit_tokens")
    )
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens") or _count(
        usage.get("output_tokens_details"), "reasoning_tokens"
    )
    return Usage(
        input_tokens=taken or 0, output_tokens=given or 0, cached_tokens=cached or 0, reasoning_tokens=reasoning or 0
    )


def _count(members: object, *names: str) -> int | None:
    if not isinstance(members, dict):
        return None
    values = (cast("dict[str, object]", members).get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _arguments(wire: object) -> str:
    # Some upstreams give the arguments parsed.
    return json.dumps(wire, ensure_ascii=False) if isinstance(wire, dict) else _text(wire)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[dict[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        chunk: object = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _nonsense(payload) from error
    if not isinstance(chunk, dict):
        raise _nonsense(payload)
    return cast("dict[str, Any]", chunk)


def _nonsense(payload: bytes) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"The upstream answered with {len(payload)} bytes that are not a JSON object. Send the request again."
    )


def _told_error(payload: bytes) -> UpstreamStatusError:
    body = reshape_upstream_error(_SERVER_ERROR, None, payload)
    code: object = json.loads(body)["error"].get("code")
    status = int(code) if isinstance(code, int | str) and str(code) in _ERROR_STATUSES else _SERVER_ERROR
    return UpstreamStatusError(status=status, headers=(("Content-Type", "application/json"),), body=body)


def _interrupted() -> StreamInterruptedError:
    return StreamInterruptedError(
        "The upstream ended its stream before the answer was complete. The text so far is incomplete; "
        "send the request again."
    )


_ERROR_STATUSES = frozenset(str(status) for status in range(400, 600))

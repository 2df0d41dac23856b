"""An upstream's OpenAI stream on its way to the caller: payloads as they were, framing for the weakest client.

Chat completions and legacy completions share this form. A chunk's JSON is parsed only where it may end the answer.

Nearly every upstream frames its events as our callers want them. Such events are told by their look and handed out as
they are, all that one read of the network brought together; whatever looks otherwise is taken apart and framed anew.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from adapters.wire.openai_errors import reshape_upstream_error, tells_error
from adapters.wire.relay_usage import TokenCount, read_usage, usage_in
from adapters.wire.sse import DONE, ServerSentEvent, SseDecoder, encode_event
from domain.errors import StreamInterruptedError, UpstreamProtocolError
from domain.pages import html_instead_of_json, is_page
from domain.words import Text

_DONE_PAYLOAD = b"[DONE]"
# Quotes inside a JSON string are escaped, so neither pattern can match within the model's text.
_FINISH_REASON = re.compile(rb'"finish_reason"\s*:\s*"[^"]')
# What some take for line ends: U+2028, U+2029, U+0085.
_SEPARATORS = (b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xc2\x85")
_ERROR = b'"error"'
_CHOICES = b'"choices"'
# How an event looks that can be handed out as it is.
_BEGINNING = b"data: {"
_BLANK_LINE = b"\n\n"
_END = b"}\n\n"
_BETWEEN = _END + _BEGINNING
_LINES_OF_ONE = 2
# How much of an event may wait for the rest of it before it is left to the decoder, which counts.
_LONGEST_WAIT = 64 * 1024
# An error in mid-stream has no status of its own: the status line said 200.
_STATUS_OF_BROKEN_STREAM = 500


class RelayStream:
    """One answer in passing; `choices` is how many the caller asked for.

    Both methods raise UpstreamProtocolError when the upstream sends what is not a stream of JSON objects, once all that
    came before it has been handed out.
    """

    __slots__ = ("_broken", "_choices", "_complete", "_decoder", "_finished", "_framed", "_size", "_usage", "_waiting")

    def __init__(self, *, choices: int = 1) -> None:
        self._choices = choices
        self._decoder = SseDecoder()
        self._waiting: bytes = b""  # an event's beginning, not yet given to the decoder
        self._usage = b""
        self._framed = False  # everything so far was whole events
        self._finished: set[object] = set()
        self._complete = False
        self._size = 0  # of all that has come
        self._broken: UpstreamProtocolError | None = None

    @property
    def complete(self) -> bool:
        """The end, or an error of the upstream, has been handed out; nothing more will be."""
        return self._complete

    @property
    def usage(self) -> TokenCount | None:
        """How many tokens the upstream says it read and wrote, as far as it has said so."""
        return read_usage(self._usage)

    def feed(self, data: bytes) -> bytes:
        """What to hand out now; may be empty."""
        if self._broken is not None:
            raise self._broken
        if self._complete:
            return b""
        self._size += len(data)
        if self._framed and _is_plain(data):
            self._note_usage(data)
            return data
        return self._collected(self._looked_at(data))

    def finish(self) -> bytes:
        """What to hand out last, at the upstream's clean end. Raises StreamInterruptedError if it came too early."""
        if self._broken is not None:
            raise self._broken
        if self._complete:
            return b""
        events = (*self._decoder.feed(self._waiting), *self._decoder.finish())
        last = self._collected(self._pass_on(event) for event in events if _is_whole(event))
        if self.complete:
            return last
        if len(self._finished) < self._choices:
            raise StreamInterruptedError(
                Text(
                    f"The upstream ended its stream before the answer was complete, after {self._size} bytes: neither "
                    "[DONE] nor every finish_reason came. The text so far is incomplete; send the request again.",
                    f"上游在回答完整之前结束了流（已收到 {self._size} 字节）：既没有 [DONE]，也没有收齐 finish_reason。"
                    "目前的文字并不完整，请重新发送请求。",
                )
            )
        self._complete = True
        return last + DONE

    def _collected(self, parts: Iterator[bytes]) -> bytes:
        """Parts as one. What came in the same piece before nonsense is good; the nonsense is told of afterwards."""
        passed: list[bytes] = []
        try:
            passed.extend(parts)
        except UpstreamProtocolError as error:
            if not any(passed):
                raise
            self._broken = error
        return b"".join(passed)

    def _looked_at(self, data: bytes) -> Iterator[bytes]:
        """What to hand out of a piece that is more, or less, than plain events."""
        if not self._decoder.between_events:
            end = data.find(_BLANK_LINE) + len(_BLANK_LINE)
            if end < len(_BLANK_LINE):
                end = len(data)
            yield from self._taken_apart(data[:end])
            data = data[end:]
            if self._complete or not self._decoder.between_events:
                return
        data = self._waiting + data
        end = data.rfind(_END)
        end = 0 if end < 0 else end + len(_END)
        plain = self._plain_until(data, end)
        if plain:
            self._decoder.skip_beginning()
            yield data[:plain]
        rest = data[plain:]
        whole = plain == end and not (_BLANK_LINE in rest or b"\r" in rest or len(rest) > _LONGEST_WAIT)
        self._waiting = rest if whole else b""
        if not whole:
            yield from self._taken_apart(rest)
        self._framed = not self._waiting and self._decoder.between_events

    def _taken_apart(self, data: bytes) -> Iterator[bytes]:
        for event in self._decoder.feed(data):
            yield self._pass_on(event)

    def _plain_until(self, data: bytes, end: int) -> int:
        """How far the events before `end` can be handed out as they are: all, none, or up to the first finish."""
        finish = _FINISH_REASON.search(data, 0, end)
        if finish is not None:
            end = data.rfind(_BLANK_LINE, 0, finish.start())
            end = 0 if end < 0 else end + len(_BLANK_LINE)
        block = data if end == len(data) else data[:end]
        if not _is_plain(block):
            return 0
        self._note_usage(block)
        return end

    def _note_usage(self, text: bytes) -> None:
        """Keep what may tell the usage; it is read when somebody asks. The last one counts."""
        self._usage = usage_in(text) or self._usage

    def _pass_on(self, event: ServerSentEvent) -> bytes:
        payload = event.data.strip()
        if self._complete or not payload:
            return b""
        if payload == _DONE_PAYLOAD:
            self._complete = True
            return DONE
        if event.event == "error":
            return self._pass_error(payload)
        if not (payload.startswith(b"{") and payload.endswith(b"}")):
            raise _not_json(payload)
        if (_ERROR in payload or _CHOICES not in payload) and tells_error(_parse(payload)):
            return self._pass_error(payload)
        self._note_usage(payload)
        if _FINISH_REASON.search(payload):
            self._note_finished(_parse(payload))
        return encode_event(event.data)

    def _pass_error(self, payload: bytes) -> bytes:
        self._complete = True
        return encode_event(reshape_upstream_error(_STATUS_OF_BROKEN_STREAM, None, payload))

    def _note_finished(self, chunk: Mapping[str, Any]) -> None:
        choices: object = chunk.get("choices")
        for position, choice in enumerate(cast("list[object]", choices) if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and cast("dict[str, object]", choice).get("finish_reason"):
                index = cast("dict[str, object]", choice).get("index", position)
                self._finished.add(index if isinstance(index, int) else position)


def _is_plain(block: bytes) -> bool:
    """Whether this is whole events that can be handed out as they are.

    They are framed right, each is a chunk with choices, none tells of an error, and none ends an answer.
    """
    if not (block.startswith(_BEGINNING) and block.endswith(_END)):
        return False
    # A line for each event and a blank one after it, and not one more.
    lines = block.count(b"\n")
    if lines != _LINES_OF_ONE and lines != _LINES_OF_ONE * (block.count(_BETWEEN) + 1):
        return False
    if _ERROR in block or b"\r" in block or _FINISH_REASON.search(block) is not None:
        return False
    if not block.isascii() and any(separator in block for separator in _SEPARATORS):
        return False
    if lines == _LINES_OF_ONE:
        return _CHOICES in block
    return all(_CHOICES in event for event in block[: -len(_BLANK_LINE)].split(_BLANK_LINE))


def _is_whole(event: ServerSentEvent) -> bool:
    """Whether an event that the end of the stream cut off had come to its end nevertheless."""
    payload = event.data.strip()
    if payload == _DONE_PAYLOAD:
        return True
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(payload: bytes) -> Mapping[str, Any]:
    """A payload that begins with a brace: if it is JSON, it is an object."""
    try:
        chunk: dict[str, Any] = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _not_json(payload) from error
    return chunk


def _not_json(payload: bytes) -> UpstreamProtocolError:
    size = len(payload)
    if is_page(payload):
        return html_instead_of_json(payload)
    return UpstreamProtocolError(
        Text(
            f"The upstream sent an event of {size} bytes that is not a JSON object. The text so far is incomplete; "
            "send the request again.",
            f"上游发送了一个 {size} 字节的事件，它不是 JSON 对象。目前的文字并不完整，请重新发送请求。",
        )
    )

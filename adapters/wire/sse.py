"""Server-sent events (WHATWG HTML section 9.2), framed on bytes.

Lines end at LF, CRLF or CR and nowhere else: U+2028 inside a JSON string is text.
"""

from dataclasses import dataclass

from domain.errors import UpstreamProtocolError
from domain.words import Text

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event; `event` is its type, "" when the stream did not name one. `data` may be empty."""

    event: str
    data: bytes


class SseDecoder:
    """Cuts a stream of bytes into events, however the bytes arrive.

    Comments, `id` and `retry` are dropped: nothing here reconnects.
    """

    __slots__ = ("_after_cr", "_at_start", "_event", "_line", "_max_event_bytes", "_size", "_values")

    def __init__(self, *, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()  # a line whose end has not come yet
        self._values: list[bytes] = []  # the event's data, line by line
        self._size = 0  # of `_values` and the line ends between them
        self._event = ""
        self._after_cr = False
        self._at_start = True

    @property
    def between_events(self) -> bool:
        """Whether nothing has come yet that the next bytes could belong to."""
        return not (self._line or self._values or self._event or self._after_cr)

    def skip_beginning(self) -> None:
        """The stream's first bytes were read elsewhere: a byte order mark would be text from here on."""
        self._at_start = False

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete. Raises UpstreamProtocolError when one exceeds `max_event_bytes`."""
        if self._after_cr and data:
            # The CR has ended its line already, so that no event waits for the byte after it.
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        events = self._read_lines(lines) if lines else []
        if rest:
            self._line += rest
            self._check_size(len(self._line))
        return events

    def finish(self) -> list[ServerSentEvent]:
        """The event that the end of the stream completes: here, unlike in a browser, no blank line is demanded."""
        return self._read_lines([b"", b""]) if self._line or self._values else []

    def _read_lines(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if self._line:
            self._line += lines[0]
            lines[0] = bytes(self._line)
            self._line = bytearray()
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        events: list[ServerSentEvent] = []
        for line in lines:
            if line.startswith(b"data: "):
                self._take(line[6:])
            elif line:
                self._read_field(line)
            else:
                if self._values:
                    events.append(ServerSentEvent(event=self._event, data=b"\n".join(self._values)))
                    self._values = []
                    self._size = 0
                self._event = ""
        return events

    def _read_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._take(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")

    def _take(self, value: bytes) -> None:
        self._check_size(len(value))
        self._values.append(value)
        self._size += len(value) + 1

    def _check_size(self, more: int) -> None:
        if self._size + more > self._max_event_bytes:
            limit = self._max_event_bytes
            raise UpstreamProtocolError(
                Text(
                    f"The upstream sent an endless event: more than {limit} bytes without the blank line that ends it. "
                    "Is LLM_API_URL the address of a chat API?",
                    f"上游发送了没有尽头的事件：超过 {limit} 字节仍没有表示结束的空行。"
                    "LLM_API_URL 是否为对话 API 的地址？",
                )
            )


def encode_event(data: bytes) -> bytes:
    """JSON as an event for the weakest client: on one line, and without characters that some take for line ends.

    CR and LF can only be white space of the JSON and become spaces.
    """
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"data: " + escape_separators(data) + b"\n\n"


def escape_separators(json_text: bytes) -> bytes:
    r"""JSON in UTF-8 with U+2028, U+2029 and U+0085, which can only stand inside its strings, as `\uXXXX`."""
    if json_text.isascii():
        return json_text
    return (
        json_text.replace(b"\xe2\x80\xa8", b"\\u2028")
        .replace(b"\xe2\x80\xa9", b"\\u2029")
        .replace(b"\xc2\x85", b"\\u0085")
    )

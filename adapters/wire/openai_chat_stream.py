"""The answer of chat completions as it streams in, read into domain events."""

from collections.abc import Iterator

from adapters.wire.openai_chunks import ChunkReader, no_choices, told_error
from adapters.wire.sse import ServerSentEvent, SseDecoder
from domain.errors import StreamInterruptedError, UpstreamProtocolError
from domain.events import StreamEvent
from domain.pages import html_instead_of_json
from domain.words import Text

_DONE = b"[DONE]"


class OpenAIStreamDecoder:
    """Structurally a `ports.codec.StreamDecoder`. Nothing is read after `[DONE]`.

    An upstream that answers with one JSON object where a stream was asked for is understood, too. An error object in
    mid-stream raises UpstreamStatusError: its body is that object, its status the code in it where that is an HTTP
    status, else 500.
    """

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._reader = ChunkReader()
        self._done = False
        self._chunks = 0
        self._begun = False
        self._whole: bytearray | None = None  # the body of an answer that is no stream

    @property
    def done(self) -> bool:
        """Whether the upstream has said that nothing more will come."""
        return self._done

    @property
    def chunks(self) -> int:
        """How many chunks have come so far; comments and blank lines are none."""
        return self._chunks

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """The events, to be iterated to the end: those before an error come out before it is raised."""
        if not self._begun:
            self._begin(data)
        if self._whole is not None:
            self._whole += data
            return iter(())
        events = [] if self._done else self._sse.feed(data)
        self._chunks += len(events)
        return (told for event in events for told in self._read(event))

    def finish(self) -> list[StreamEvent]:
        if self._whole is not None:
            return self._finish_whole(bytes(self._whole))
        if self._done:
            return []
        try:
            last = [told for event in self._sse.finish() for told in self._read(event)]
        except UpstreamProtocolError as error:
            # The end came in the middle of an event.
            raise _interrupted(self._chunks) from error
        if not (self._reader.finished or self._reader.closed):
            raise _interrupted(self._chunks)
        self._done = True
        return [*last, *self._reader.close()]

    def _begin(self, data: bytes) -> None:
        start = data.lstrip()[:1]
        if not start:
            return
        self._begun = True
        if start == b"<":
            raise html_instead_of_json(data)
        if start == b"{":
            self._whole = bytearray()

    def _finish_whole(self, body: bytes) -> list[StreamEvent]:
        self._done = True
        events = [*self._reader.read(body), *self._reader.close()]
        if not self._reader.answered:
            raise no_choices()
        return events

    def _read(self, event: ServerSentEvent) -> Iterator[StreamEvent]:
        payload = event.data
        if self._done or not payload:
            return
        if payload.strip() == _DONE:
            self._done = True
            yield from self._reader.close()
        elif event.event == "error":
            raise told_error(payload)
        elif payload.strip():
            yield from self._reader.read(payload)


def _interrupted(chunks: int) -> StreamInterruptedError:
    return StreamInterruptedError(
        Text(
            f"The upstream ended its stream before the answer was complete, after {chunks} chunks. "
            "The text so far is incomplete; send the request again.",
            f"上游在回答完整之前结束了流（已收到 {chunks} 个数据块）。目前的文字并不完整，请重新发送请求。",
        )
    )

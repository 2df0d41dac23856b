"""Translation between a dialect's wire form and the domain's nouns. Codecs decode inward and encode outward."""

from collections.abc import Iterable
from typing import Protocol

from domain.chat import ChatRequest, ChatResponse
from domain.events import StreamEvent


class StreamDecoder(Protocol):
    """Turns the bytes of one streamed answer into events, however they are cut."""

    @property
    def done(self) -> bool:
        """Whether the upstream has said that nothing more will come; what it sends all the same is not read."""
        ...

    @property
    def chunks(self) -> int:
        """How many chunks have come so far; comments and blank lines are none."""
        ...

    def feed(self, data: bytes) -> Iterable[StreamEvent]:
        """The events that these bytes complete. Raises UpstreamProtocolError, UpstreamStatusError."""
        ...

    def finish(self) -> Iterable[StreamEvent]:
        """The events left at the end of the bytes. Raises StreamInterruptedError when the answer is not complete."""
        ...


class ChatCodec(Protocol):
    """One dialect's way to ask an upstream."""

    def encode_request(self, request: ChatRequest, *, stream: bool) -> bytes:
        """The body of the request, JSON in UTF-8."""
        ...

    def stream_decoder(self) -> StreamDecoder: ...

    def decode_response(self, body: bytes) -> ChatResponse:
        """A whole answer. Raises UpstreamStatusError if it is an error object, UpstreamProtocolError if it is none."""
        ...

"""Translation between a dialect's wire form and the domain's nouns. Codecs decode inward and encode outward."""

from collections.abc import Iterable
from typing import Protocol

from domain.chat import ChatRequest
from domain.events import StreamEvent


class StreamDecoder(Protocol):
    """Turns the bytes of one streamed answer into events, however they are cut."""

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

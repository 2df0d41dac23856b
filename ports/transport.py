"""How HTTP requests leave and answers arrive.

Both transports check TLS always, follow no redirect, keep no cookie, repeat nothing, and undo content codings that the
answer declares. They raise the subclasses of TransportError, with `NotConnectedError` if and only if the request
provably never left.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Protocol

from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts


class ResponseStream(Protocol):
    """An answer whose head has come. Iterating yields the body's bytes as they arrive, never an empty piece."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def wait_at_most(self, limit: timedelta) -> None:
        """The next piece must come within `limit` from now, else iterating raises ResponseTimeoutError.

        Called right before a piece is awaited; it holds until it is called again, for all pieces that come meanwhile
        together. So whoever renews it for pieces that tell something lets no others stretch the wait. Time that the
        reader spends elsewhere is not counted. The limits of the exchange hold besides.
        """
        ...

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else close it. May be called twice."""
        ...


class Transport(Protocol):
    """Blocking HTTP; safe to share between threads."""

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        """One exchange, its answer read whole, over a connection of its own.

        Raises TransportError; ResponseTooLargeError once the body exceeds `max_bytes`, without reading the rest.
        """
        ...

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> ResponseStream:
        """Send a request and await the head of its answer, over a pooled connection. Raises TransportError."""
        ...

    def close(self) -> None: ...


class AsyncResponseStream(Protocol):
    """As ResponseStream, for asyncio."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def wait_at_most(self, limit: timedelta) -> None: ...

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        """Hand what comes to `sink` as it comes, until it answers False; then return True.

        For readers that pass on many small pieces: the event loop calls the sink itself, which spares a turn of the
        reader's task for each. False when there is nothing more to pour: at the body's end, and at once where a
        transport cannot do it. Whoever gets False goes on with iterating, which has what is left and tells the end.
        Raises what the sink raises, and what iterating raises; limits hold as there.
        """
        ...

    async def aclose(self) -> None: ...


class AsyncTransport(Protocol):
    """As Transport, for one asyncio event loop."""

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse: ...

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> AsyncResponseStream: ...

    async def aclose(self) -> None: ...

"""How HTTP requests leave and answers arrive.

Both transports check TLS always, follow no redirect, keep no cookie, repeat nothing, and undo content codings that the
answer declares. They raise the subclasses of TransportError, with `NotConnectedError` if and only if the request
provably never left.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Protocol

from domain.errors import OCAError
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


class Followed(Protocol):
    """An answer that was asked for and may not have begun; followed by callbacks of the event loop, without a task.

    `status` is 0 until the head has come.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    @property
    def coded(self) -> bool:
        """Whether the body's bytes are in a content coding, which is undone only for those who iterate."""
        ...

    @property
    def unread(self) -> int:
        """How many bytes of the body have come and were not taken."""
        ...

    def follow(self, news: Callable[[], None]) -> None:
        """Have `news` called whenever there may be something new: a head, bytes, the end, a failure.

        The limits of the exchange hold from now on, until `unfollow`.
        """
        ...

    def unfollow(self) -> None:
        """No news for the time being. What comes waits, and its sender with it when it is much."""
        ...

    def begun(self) -> bool:
        """Whether the head has come."""
        ...

    def whole(self) -> bytes | None:
        """All of the body, once it is complete, and without taking it. Only while nothing has been taken."""
        ...

    def taken(self) -> bytes:
        """All that has come since it was asked for last; may be empty."""
        ...

    def going_on(self) -> bool:
        """Whether more of the body is to come, as far as can be told: neither `over` nor a `failure`."""
        ...

    def over(self) -> bool:
        """Whether the body is complete and taken. Then the connection has been given back."""
        ...

    def failure(self) -> OCAError | None:
        """Why there will be no more; what iterating would raise.

        That a connection was lost is told once all that came before has been taken, that a limit has passed at once.
        """
        ...

    def close(self) -> None:
        """Give the connection back when the body is complete, else close it. May be called twice."""
        ...


class FollowedStream(AsyncResponseStream, Followed, Protocol):
    """As long as nothing was taken, whoever follows may leave it to somebody who awaits `head` and iterates."""

    async def head(self) -> None:
        """Wait until the head has come. Raises TransportError."""
        ...


class AsyncTransport(Protocol):
    """As Transport, for one asyncio event loop."""

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse: ...

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> AsyncResponseStream: ...

    def ask_at_once(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> FollowedStream | None:
        """As `open_stream`, awaited by nobody; over an idle connection, it has been sent before this returns.

        None where that cannot be, for a large body say: whoever gets it asks by `open_stream`. Raises NotConnectedError
        for what HTTP cannot carry.
        """
        ...

    async def aclose(self) -> None: ...

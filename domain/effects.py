"""What a flow may ask of the world, as values.

A flow is a generator: it yields an effect and is sent the answer, `now = yield from ReadClock()`. A driver
(`adapters.gateway`) answers each effect with one call of a port and throws a port's error into the flow. So the order
of steps is written once, for threads and for asyncio, and is tested with `next` and `send` alone.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts
from domain.server_metadata import RememberedServer
from domain.token_events import TokenEvent
from domain.tokens import TokenSet
from domain.words import Text

T = TypeVar("T")
A = TypeVar("A")


class Effect(Generic[A]):
    """A question to the world whose answer is an `A`."""

    __slots__ = ()

    def __iter__(self) -> Generator["Effect[Any]", Any, A]:
        answer: A = yield self
        return answer


Flow = Generator[Effect[Any], Any, T]


class OpenedStream(Protocol):
    """An answer whose head has come and whose body has not been read. Whoever opened it closes it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class LoadTokens(Effect[TokenSet]):
    """What the token store holds now. Raises TokenStoreError."""


@dataclass(frozen=True, slots=True)
class SaveTokens(Effect[None]):
    """Make these tokens durable. Only inside `Exclusively`. Raises TokenStoreError."""

    tokens: TokenSet


@dataclass(frozen=True, slots=True)
class ProveStorable(Effect[None]):
    """Make sure, before a refresh token is spent, that its successor can be stored. Raises TokenStoreError."""


@dataclass(frozen=True, slots=True)
class ReadStoreTrouble(Effect[Text | None]):
    """Why the newest login is not where it belongs; None when all is well."""


@dataclass(frozen=True, slots=True)
class Pause(Effect[None]):
    """Let time pass."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class ReadClock(Effect[datetime]):
    """The current time, aware, UTC."""


@dataclass(frozen=True, slots=True)
class ReadRoutes(Effect[tuple[Route, ...]]):
    """The routes there are, the one that worked last first; `RouteKnown` tells whether one has worked at all."""


@dataclass(frozen=True, slots=True)
class RouteKnown(Effect[bool]):
    """Whether a quick call has shown which route works (true when there is but one)."""


@dataclass(frozen=True, slots=True)
class RememberRoute(Effect[None]):
    """This route has worked; None: the one that worked does so no more."""

    route: Route | None


@dataclass(frozen=True, slots=True)
class ReadRejection(Effect[datetime | None]):
    """Until when no token is renewed because the upstream refused one: a renewed one was refused as well."""


@dataclass(frozen=True, slots=True)
class RememberRejection(Effect[None]):
    """Renew no token for the upstream's sake until then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class RecallServer(Effect[RememberedServer]):
    """What is remembered of the authorization server at this address; an empty memory where that is nothing."""

    address: str


@dataclass(frozen=True, slots=True)
class RememberServer(Effect[None]):
    """Keep this in mind of the authorization server at this address. Only inside `Exclusively`.

    Raises TokenStoreError.
    """

    address: str
    memory: RememberedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Effect[HttpResponse]):
    """One exchange with a small answer, read whole; an answer over `max_bytes` raises ResponseTooLargeError.

    Redirects are not followed. Raises TransportError.
    """

    request: HttpRequest
    route: Route
    timeouts: Timeouts
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream(Effect[OpenedStream]):
    """Send a request and await the head of its answer, of any status. Raises TransportError."""

    request: HttpRequest
    route: Route
    timeouts: Timeouts


@dataclass(frozen=True, slots=True)
class AwaitHead(Effect[None]):
    """Await the head of an answer that was asked for before the flow began. Raises TransportError."""

    stream: OpenedStream


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBody(Effect[bytes]):
    """At most `max_bytes` of a stream's body; the stream is closed afterwards. Raises TransportError."""

    stream: OpenedStream
    max_bytes: int


@dataclass(frozen=True, slots=True)
class CloseStream(Effect[None]):
    """Close a stream that nobody will read."""

    stream: OpenedStream


@dataclass(frozen=True, slots=True)
class Exclusively(Effect[TokenSet]):
    """Run an inner flow while holding the store's lock, and wait for it.

    It runs to its end even when the one who waits goes away; those who ask meanwhile in the same process share it.
    """

    flow: Flow[TokenSet]


@dataclass(frozen=True, slots=True)
class InBackground(Effect[None]):
    """Like `Exclusively`, but nobody waits: a failure shows in the log and in the store's setback only."""

    flow: Flow[TokenSet]


@dataclass(frozen=True, slots=True)
class Report(Effect[None]):
    """Write an event of the token lifecycle into the log."""

    event: TokenEvent

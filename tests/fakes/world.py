"""A world that answers effects from memory: flows are tested with it, without a driver, a thread or a socket."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from domain.effects import (
    CloseStream,
    Effect,
    Exclusively,
    Flow,
    InBackground,
    LoadTokens,
    OpenStream,
    Pause,
    ProveStorable,
    ReadBody,
    ReadClock,
    ReadRejection,
    ReadRoutes,
    ReadStoreTrouble,
    RecallServer,
    RememberRejection,
    RememberRoute,
    RememberServer,
    Report,
    RouteKnown,
    SaveTokens,
    Send,
)
from domain.errors import OCAError, TokenStoreError, TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route
from domain.server_metadata import RememberedServer
from domain.token_events import TokenEvent
from domain.tokens import TokenSet
from domain.words import Text

T = TypeVar("T")
Answer = HttpResponse | TransportError
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@dataclass
class FakeStream:
    """An opened answer whose body is known."""

    response: HttpResponse
    closed: bool = False

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Headers:
        return self.response.headers

    def read(self) -> bytes:
        self.closed = True
        return self.response.body


@dataclass
class World:
    """`answer` plays every server, `elsewhere` what other workers do while this one waits for the lock.

    `saved` are the pairs that were stored, without the notes beside them.
    """

    tokens: TokenSet
    answer: Callable[[HttpRequest, Route], Answer]
    now: datetime = NOON
    routes: tuple[Route, ...] = (Route.DIRECT,)
    working: Route | None = None
    rejection_until: datetime | None = None
    storable: bool = True
    saving_fails: bool = False
    elsewhere: Callable[["World"], None] = field(default=lambda _: None)
    took: timedelta = timedelta(0)

    saved: list[TokenSet] = field(default_factory=list[TokenSet])
    sent: list[tuple[HttpRequest, Route]] = field(default_factory=list[tuple[HttpRequest, Route]])
    streams: list[FakeStream] = field(default_factory=list[FakeStream])
    events: list[TokenEvent] = field(default_factory=list[TokenEvent])
    background: list[Flow[TokenSet]] = field(default_factory=list[Flow[TokenSet]])
    paused: list[timedelta] = field(default_factory=list[timedelta])
    trouble: Text | None = None
    pasted: TokenSet | None = None
    servers: dict[str, RememberedServer] = field(default_factory=dict[str, RememberedServer])
    memory_fails: bool = False
    locked: int = 0

    def run(self, flow: Flow[T]) -> T:
        answer: object = None
        failure: OCAError | None = None
        while True:
            try:
                effect = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as end:
                return cast("T", end.value)
            answer, failure = None, None
            try:
                answer = self._perform(effect)
            except OCAError as error:
                failure = error

    def _perform(self, effect: Effect[Any]) -> object:
        match effect:
            case LoadTokens():
                return self.tokens
            case SaveTokens(tokens):
                assert self.locked, "saved without the lock"
                if self.pasted is not None:
                    self.tokens, self.pasted = self.pasted, None
                    raise TokenStoreError("somebody has replaced the login")
                before, self.tokens = self.tokens, tokens
                if (before.access_token, before.refresh_token) != (tokens.access_token, tokens.refresh_token):
                    self.saved.append(tokens)
                    if self.saving_fails:
                        raise TokenStoreError("the disk is full")
                return None
            case ProveStorable():
                if not self.storable:
                    raise TokenStoreError("the file is read-only")
                return None
            case ReadClock():
                return self.now
            case Pause(duration):
                self.paused.append(duration)
                self.now += duration
                return None
            case ReadStoreTrouble():
                return self.trouble
            case ReadRoutes():
                rest = tuple(route for route in self.routes if route is not self.working)
                return rest if self.working is None else (self.working, *rest)
            case ReadRejection():
                return self.rejection_until
            case RememberRejection(until):
                self.rejection_until = until
                return None
            case RouteKnown():
                return self.working is not None or len(self.routes) == 1
            case RememberRoute(route):
                self.working = route
                return None
            case RecallServer(address):
                return self.servers.get(address, RememberedServer())
            case RememberServer(address, memory):
                assert self.locked, "remembered without the lock"
                if self.memory_fails:
                    raise TokenStoreError("the folder is read-only")
                self.servers[address] = memory
                return None
            case Send(request=request, route=route):
                return self._exchange(request, route)
            case OpenStream(request=request, route=route):
                self.streams.append(FakeStream(self._exchange(request, route)))
                return self.streams[-1]
            case ReadBody(stream=stream, max_bytes=limit):
                return cast("FakeStream", stream).read()[:limit]
            case CloseStream(stream):
                cast("FakeStream", stream).closed = True
                return None
            case Exclusively(flow):
                return self.exclusively(flow)
            case InBackground(flow):
                self.background.append(flow)
                return None
            case Report(event):
                self.events.append(event)
                return None
            case _:
                raise AssertionError(f"unknown effect {effect!r}")

    def exclusively(self, flow: Flow[TokenSet]) -> TokenSet:
        self.elsewhere(self)
        self.locked += 1
        try:
            return self.run(flow)
        finally:
            self.locked -= 1

    def _exchange(self, request: HttpRequest, route: Route) -> HttpResponse:
        self.sent.append((request, route))
        self.now += self.took
        answer = self.answer(request, route)
        if isinstance(answer, TransportError):
            raise answer
        return answer

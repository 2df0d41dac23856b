"""The blocking driver, and the gateway for threads built on it."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

from adapters.gateway.catalog import default_only, models_in
from adapters.gateway.refresher import Refresher
from adapters.gateway.upstream_memory import UpstreamMemory
from domain.chat import ChatRequest
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
from domain.errors import OCAError
from domain.events import StreamEvent
from domain.flows import (
    Credential,
    LoginStatus,
    access_token_flow,
    keep_alive_flow,
    keep_alive_pause,
    login_status_flow,
)
from domain.upstream_flows import Upstream, list_models_flow
from ports.clock import Clock
from ports.gateway import Chat, ModelList
from ports.server_memory import ServerMemory
from ports.token_journal import TokenJournal
from ports.token_store import TokenStore
from ports.transport import ResponseStream, Transport

T = TypeVar("T")


class BlockingDriver:
    """Answers each effect of a flow with one call of a port. Decides nothing. Safe to share between threads."""

    def __init__(
        self,
        *,
        store: TokenStore,
        clock: Clock,
        transport: Transport,
        memory: UpstreamMemory,
        journal: TokenJournal,
        servers: ServerMemory,
    ) -> None:
        self._store = store
        self._clock = clock
        self._transport = transport
        self.memory = memory
        self._journal = journal
        self._servers = servers
        # Never set: an event that is waited for is a pause that a signal can interrupt.
        self._waiting = threading.Event()
        self.refresher = Refresher(store=store, run=self.run, journal=journal)

    def run(self, flow: Flow[T]) -> T:
        """The flow's result. Raises what the flow raises."""
        answer: object = None
        failure: OCAError | None = None
        with closing(flow):
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

    def _perform(self, effect: Effect[Any]) -> object:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
        match effect:
            case LoadTokens():
                return self._store.load()
            case SaveTokens(tokens):
                self._store.save(tokens)
            case ProveStorable():
                self._store.prove_storable()
            case ReadStoreTrouble():
                return self._store.trouble()
            case Pause(duration):
                self._waiting.wait(duration.total_seconds())
            case ReadClock():
                return self._clock.now()
            case ReadRoutes():
                return self.memory.routes()
            case ReadRejection():
                return self.memory.rejection_until
            case RememberRejection(until):
                self.memory.rejection_until = until
            case RouteKnown():
                return self.memory.known
            case RememberRoute(route):
                self.memory.remember(route)
            case RecallServer(address):
                return self._servers.recall(address)
            case RememberServer(address, memory):
                self._servers.remember(address, memory)
            case Send(request=request, route=route, timeouts=timeouts, max_bytes=limit):
                return self._transport.send(request, route=route, timeouts=timeouts, max_bytes=limit)
            case OpenStream(request=request, route=route, timeouts=timeouts):
                return self._transport.open_stream(request, route=route, timeouts=timeouts)
            case ReadBody(stream=stream, max_bytes=limit):
                return read_body(cast("ResponseStream", stream), limit)
            case CloseStream(stream):
                cast("ResponseStream", stream).close()
            case Exclusively(flow):
                return self.refresher.start(flow).result()
            case InBackground(flow):
                self.refresher.start_behind(flow)
            case Report(event):
                self._journal.record(event)
            case _:
                raise TypeError(f"no port answers {type(effect).__name__}")
        return None


def read_body(stream: ResponseStream, max_bytes: int) -> bytes:
    """The first `max_bytes` of a body; the stream is closed."""
    pieces: list[bytes] = []
    size = 0
    with closing(stream):
        for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size >= max_bytes:
                break
    return b"".join(pieces)[:max_bytes]


class BlockingGateway:
    """Implements ports.gateway.ChatGateway."""

    def __init__(
        self,
        *,
        driver: BlockingDriver,
        credential: Credential,
        upstream: Upstream,
        chat: Chat,
        default_model: str,
    ) -> None:
        self._driver = driver
        self._credential = credential
        self._upstream = upstream
        self._chat = chat
        self._default_model = default_model

    def access_token(self) -> str:
        return self._driver.run(access_token_flow(self._credential))

    def login_status(self) -> LoginStatus:
        return self._driver.run(login_status_flow(self._credential))

    def keep_login_alive(self, interval: timedelta, stop: threading.Event) -> None:
        """Renew a login that nobody uses before it dies of idleness; returns once `stop` is set."""
        while True:
            with suppress(OCAError):  # told of where it happened; the next round tries again
                self._driver.run(keep_alive_flow(self._credential, interval))
            if stop.wait(keep_alive_pause(interval).total_seconds()):
                return

    def list_models(self) -> ModelList:
        url = self._upstream.models_url
        if url is None:
            return default_only(self._default_model)
        try:
            found = models_in(self._driver.run(list_models_flow(self._credential, self._upstream, url)))
        except OCAError as error:
            return default_only(self._default_model, error)
        self._driver.memory.know(found)
        return found

    def stream(self, request: ChatRequest) -> AbstractContextManager[Iterator[StreamEvent]]:
        return self._chat.stream(request)

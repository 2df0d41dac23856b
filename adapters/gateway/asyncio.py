"""The asyncio driver, and the gateway for one event loop built on it."""

import asyncio
from contextlib import aclosing, closing, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar, cast

from adapters.gateway.catalog import default_only, models_in
from adapters.gateway.endpoints import Endpoints
from adapters.gateway.followed_answer import FollowedAnswer
from adapters.gateway.refresher import Refresher
from adapters.gateway.relayed_stream import RelayedStream
from adapters.gateway.upstream_memory import UpstreamMemory
from adapters.wire.relay_headers import REQUEST_ID, forwarded_request_headers
from domain.effects import (
    AwaitHead,
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
    RememberRejection,
    RememberRoute,
    Report,
    RouteKnown,
    SaveTokens,
    Send,
)
from domain.errors import OCAError, UpstreamStatusError
from domain.flows import (
    AtHand,
    Credential,
    LoginStatus,
    access_token_flow,
    fresh_token,
    keep_alive_flow,
    keep_alive_pause,
    login_status_flow,
)
from domain.http import HttpRequest, bearer
from domain.model_names import asked_model
from domain.tokens import TokenSet
from domain.upstream_flows import (
    Asked,
    Upstream,
    authorized_stream_flow,
    list_models_flow,
)
from ports.clock import Clock
from ports.gateway import ModelList, Relay
from ports.token_journal import TokenJournal
from ports.token_store import TokenStore
from ports.transport import AsyncResponseStream, AsyncTransport, Followed, FollowedStream

T = TypeVar("T")
CATALOG_LIFETIME = timedelta(minutes=5)
# A list that could not be had is asked for again soon, but not with every request.
TROUBLE_LIFETIME = timedelta(seconds=15)


# What another process has changed may be seen so much later.
MOMENT_S = 0.005


class AsyncioDriver:
    """Answers each effect of a flow with one call of a port; what may wait for a disk or a lock waits in a thread."""

    def __init__(
        self,
        *,
        store: TokenStore,
        clock: Clock,
        transport: AsyncTransport,
        memory: UpstreamMemory,
        journal: TokenJournal,
        refresher: Refresher,
    ) -> None:
        self._store = store
        self._clock = clock
        self.transport = transport
        self.memory = memory
        self._journal = journal
        self._refresher = refresher
        self._seen: TokenSet | None = None
        self._look_again_s = 0.0

    def at_hand(self) -> AtHand:
        """What a flow that begins now need not ask for.

        The store is looked at once for all requests of a few milliseconds.
        """
        now_s = monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + MOMENT_S
            self._seen = self._store.current()
        return AtHand(
            tokens=self._seen,
            route=self.memory.routes()[0] if self.memory.known else None,
            now=self._clock.now(),
        )

    async def run(self, flow: Flow[T]) -> T:
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
                    answer = await self._perform(effect)
                except OCAError as error:
                    failure = error

    async def _perform(self, effect: Effect[Any]) -> object:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
        match effect:
            # First, since it comes with every request, and often alone.
            case OpenStream(request=request, route=route, timeouts=timeouts):
                return await self.transport.open_stream(request, route=route, timeouts=timeouts)
            case AwaitHead(stream):
                await cast("FollowedStream", stream).head()
            case LoadTokens():
                return self._store.current() or await asyncio.to_thread(self._store.load)
            case SaveTokens(tokens):
                await asyncio.to_thread(self._store.save, tokens)
            case ProveStorable():
                await asyncio.to_thread(self._store.prove_storable)
            case ReadStoreTrouble():
                return self._store.trouble()
            case Pause(duration):
                await asyncio.sleep(duration.total_seconds())
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
            case Send(request=request, route=route, timeouts=timeouts, max_bytes=limit):
                return await self.transport.send(request, route=route, timeouts=timeouts, max_bytes=limit)
            case ReadBody(stream=stream, max_bytes=limit):
                return await _read_body(cast("AsyncResponseStream", stream), limit)
            case CloseStream(stream):
                await cast("AsyncResponseStream", stream).aclose()
            case Exclusively(flow):
                # Shielded: a caller who goes away must not take the others' answer with it.
                return await asyncio.shield(asyncio.wrap_future(self._refresher.start(flow)))
            case InBackground(flow):
                self._refresher.start_behind(flow)
            case Report(event):
                self._journal.record(event)
            case _:
                raise TypeError(f"no port answers {type(effect).__name__}")
        return None

    async def aclose(self) -> None:
        """Close the connections, once a refresh under way has stored what it has bought."""
        await asyncio.to_thread(self._refresher.wait)
        await self.transport.aclose()


async def _read_body(stream: AsyncResponseStream, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async with aclosing(stream):
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if size >= max_bytes:
                break
    return b"".join(pieces)[:max_bytes]


class AsyncioGateway:
    """Implements ports.gateway.AsyncChatGateway."""

    def __init__(
        self,
        *,
        driver: AsyncioDriver,
        clock: Clock,
        credential: Credential,
        upstream: Upstream,
        endpoints: Endpoints,
        default_model: str,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._credential = credential
        self._upstream = upstream
        self._default_model = default_model
        # Nearly all requests go to three addresses; a caller's query is of any kind, so that few are kept.
        self._url = lru_cache(64)(endpoints.url)
        self._catalog: ModelList | None = None
        self._catalog_until: datetime | None = None
        self._fetching: asyncio.Task[ModelList] | None = None

    async def access_token(self) -> str:
        return await self._driver.run(access_token_flow(self._credential))

    async def login_status(self) -> LoginStatus:
        return await self._driver.run(login_status_flow(self._credential))

    async def keep_login_alive(self, interval: timedelta) -> None:
        """Renew a login that nobody uses before it dies of idleness; runs until it is cancelled."""
        while True:
            with suppress(OCAError):  # told of where it happened; the next round tries again
                await self._driver.run(keep_alive_flow(self._credential, interval))
            await asyncio.sleep(keep_alive_pause(interval).total_seconds())

    async def relay(self, request: Relay, asked: Followed | None = None) -> RelayedStream:
        begun = None
        if isinstance(asked, FollowedAnswer):
            begun = Asked(stream=asked.stream, access_token=asked.access_token, route=asked.route)
        try:
            opened = await self._driver.run(
                authorized_stream_flow(
                    self._credential,
                    self._upstream,
                    self._outgoing(request),
                    at_hand=self._driver.at_hand(),
                    asked=begun,
                )
            )
        except UpstreamStatusError as error:
            raise self._driver.memory.explained(error, asked_model(request.body)) from error.__cause__
        return RelayedStream(cast("AsyncResponseStream", opened.stream), opened.access_token)

    def ask_at_once(self, request: Relay) -> FollowedAnswer | None:
        at_hand = self._driver.at_hand()
        token, route = fresh_token(self._credential, at_hand), at_hand.route
        if token is None or route is None:
            return None
        stream = self._driver.transport.ask_at_once(
            self._outgoing(request, token), route=route, timeouts=self._upstream.inference
        )
        return None if stream is None else FollowedAnswer(stream, access_token=token, route=route)

    def _outgoing(self, request: Relay, token: str | None = None) -> HttpRequest:
        """The request that leaves, with a token where there is one already."""
        own = [(REQUEST_ID, request.request_id)]
        if token is not None:
            own.append(bearer(token))
        return HttpRequest(
            method="POST",
            url=self._url(request.path, request.query),
            headers=(*forwarded_request_headers(request.headers), *own),
            body=request.body,
        )

    async def list_models(self, *, refresh: bool = False) -> ModelList:
        due = self._catalog_until is None or self._clock.now() >= self._catalog_until
        if self._catalog is None or refresh:
            return await asyncio.shield(self._fetch())
        if due:
            # Yesterday's list now is better than today's in two seconds.
            self._fetch()
        return self._catalog

    def _fetch(self) -> asyncio.Task[ModelList]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetched(), name="oca-model-list")
        return self._fetching

    async def _fetched(self) -> ModelList:
        url = self._upstream.models_url
        lifetime = CATALOG_LIFETIME
        if url is None:
            self._catalog = default_only(self._default_model)
        else:
            try:
                self._catalog = models_in(
                    await self._driver.run(list_models_flow(self._credential, self._upstream, url))
                )
                self._driver.memory.know(self._catalog)
            except OCAError as error:
                lifetime = TROUBLE_LIFETIME
                fallback = default_only(self._default_model, error)
                if self._catalog is None or self._catalog.trouble:
                    self._catalog = fallback
        self._catalog_until = self._clock.now() + lifetime
        return self._catalog

"""Both drivers, over the same scenarios: what a flow asks for is answered by the ports, and nothing is decided."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs

import pytest

from adapters.gateway.asyncio import AsyncioDriver
from adapters.gateway.blocking import BlockingDriver
from adapters.gateway.upstream_memory import UpstreamMemory
from domain.effects import Effect, Flow
from domain.errors import ConnectionLostError, NotConnectedError, UpstreamStatusError, UpstreamUnreachableError
from domain.flows import access_token_flow
from domain.http import HttpRequest, HttpResponse, Route
from domain.refreshing import refresh_flow
from domain.token_events import TokenEventKind
from domain.tokens import TokenSet
from domain.upstream_flows import authorized_stream_flow, list_models_flow
from tests.domain.test_flows import LOGIN
from tests.domain.test_upstream_flows import REQUEST, UPSTREAM
from tests.fakes.clock import FakeClock
from tests.fakes.server_memory import FakeServerMemory
from tests.fakes.token_journal import FakeTokenJournal
from tests.fakes.token_store import FakeTokenStore
from tests.fakes.transport import FakeAsyncTransport, FakeTransport, Reply, Scripted

T = TypeVar("T")


class Ports:
    """The fakes behind both drivers, and a strict token endpoint; `upstream` answers everything else."""

    def __init__(self, kind: str) -> None:
        self.clock = FakeClock()
        self.store = FakeTokenStore(TokenSet(refresh_token="rt0"))
        self.journal = FakeTokenJournal()
        self.upstream: Callable[[HttpRequest, Route], Reply] = lambda _request, _route: HttpResponse(status=200)
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.spent: list[str] = []
        self.transport = FakeTransport(self._answer)
        self.async_transport = FakeAsyncTransport(self._answer)
        self.routes = UpstreamMemory(proxied=True)
        self.blocking = BlockingDriver(
            store=self.store,
            clock=self.clock,
            transport=self.transport,
            memory=self.routes,
            journal=self.journal,
            servers=FakeServerMemory(),
        )
        self.asyncio = AsyncioDriver(
            store=self.store,
            clock=self.clock,
            transport=self.async_transport,
            memory=self.routes,
            journal=self.journal,
            refresher=self.blocking.refresher,
        )
        self.kind = kind

    def run(self, flow: Flow[T]) -> T:
        if self.kind == "blocking":
            return self.blocking.run(flow)
        return asyncio.run(self.asyncio.run(flow))

    @property
    def streams(self) -> list[Any]:
        return [*self.transport.streams, *self.async_transport.streams]

    def _answer(self, request: HttpRequest, route: Route) -> Reply:
        if "oauth2" not in request.url:
            return self.upstream(request, route)
        self.asked.set()
        assert self.gate.wait(10)
        spent = parse_qs(request.body.decode())["refresh_token"][0]
        self.spent.append(spent)
        number = int(spent.removeprefix("rt")) + 1
        grant = {"access_token": f"at{number}", "refresh_token": f"rt{number}", "expires_in": 3600}
        return HttpResponse(status=200, body=json.dumps(grant).encode())


@pytest.fixture(params=["blocking", "asyncio"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    made = Ports(request.param)
    yield made
    made.gate.set()
    made.blocking.refresher.wait()


def test_a_token_is_bought_stored_and_told_of(ports: Ports) -> None:
    assert ports.run(access_token_flow(LOGIN)) == "at1"
    assert ports.store.stored.refresh_token == "rt1"
    assert [event.kind for event in ports.journal.events] == [TokenEventKind.REFRESHED]


def test_a_crowd_at_an_expiry_shares_one_refresh(ports: Ports) -> None:
    ports.gate.clear()
    with ThreadPoolExecutor(16) as crowd:
        asking = [crowd.submit(ports.run, access_token_flow(LOGIN)) for _ in range(16)]
        assert ports.asked.wait(10)
        ports.gate.set()
        assert {each.result(10) for each in asking} == {"at1"}
    assert ports.spent == ["rt0"]


def test_a_stale_token_is_handed_out_while_its_renewal_waits_for_the_server(ports: Ports) -> None:
    assert ports.run(access_token_flow(LOGIN)) == "at1"
    ports.clock.advance(timedelta(minutes=56))
    ports.gate.clear()
    ports.asked.clear()
    assert [ports.run(access_token_flow(LOGIN)) for _ in range(5)] == ["at1"] * 5
    assert ports.asked.wait(10), "the renewal has begun"
    ports.gate.set()
    ports.blocking.refresher.wait()
    assert ports.run(access_token_flow(LOGIN)) == "at2"
    assert ports.spent == ["rt0", "rt1"]


def test_an_open_stream_is_handed_over_unread(ports: Ports) -> None:
    ports.upstream = lambda _request, _route: Scripted(status=200, pieces=(b"a", b"b"))
    stream: Any = ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST)).stream
    assert stream.status == 200
    assert not stream.closed


def test_a_401_is_closed_and_repeated_with_a_new_token(ports: Ports) -> None:
    answers: list[Reply] = [HttpResponse(status=200), HttpResponse(status=401)]
    ports.routes.remember(Route.DIRECT)
    ports.upstream = lambda _request, _route: answers.pop()
    ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert [stream.closed for stream in ports.streams] == [True, False]
    assert ports.spent == ["rt0", "rt1"]


def test_an_errors_body_is_read_to_its_limit_and_the_stream_closed(ports: Ports) -> None:
    ports.routes.remember(Route.DIRECT)
    ports.upstream = lambda _request, _route: Scripted(status=500, pieces=(b"x" * 700_000, b"y" * 700_000))
    with pytest.raises(UpstreamStatusError) as caught:
        ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert len(caught.value.body) == 1024 * 1024
    assert ports.streams[0].closed


def test_an_error_whose_explanation_is_lost_keeps_its_status(ports: Ports) -> None:
    ports.routes.remember(Route.DIRECT)
    ports.upstream = lambda _request, _route: Scripted(status=503, pieces=(b"x", ConnectionLostError("reset")))
    with pytest.raises(UpstreamStatusError) as caught:
        ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert (caught.value.status, caught.value.body) == (503, b"")


def test_the_route_that_a_quick_call_found_serves_inference_and_is_forgotten_when_it_fails(ports: Ports) -> None:
    def by_proxy_only(_request: HttpRequest, route: Route) -> Reply:
        return NotConnectedError("refused") if route is Route.DIRECT else HttpResponse(status=200)

    ports.upstream = by_proxy_only
    ports.run(access_token_flow(LOGIN))
    ports.run(list_models_flow(LOGIN, UPSTREAM, "https://llm.example/v1/models"))
    ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert ports.routes.routes()[0] is Route.PROXY
    ports.upstream = lambda _request, _route: NotConnectedError("refused")
    with pytest.raises(UpstreamUnreachableError):
        ports.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert not ports.routes.known


def test_a_store_that_cannot_be_locked_is_told_of_even_in_the_background(ports: Ports) -> None:
    assert ports.run(access_token_flow(LOGIN)) == "at1"
    ports.clock.advance(timedelta(minutes=56))
    ports.store.lock_timeout = timedelta(0)
    with ports.store.exclusive():
        assert ports.run(access_token_flow(LOGIN)) == "at1"
        ports.blocking.refresher.wait()
        told = len(ports.journal.events)
        assert ports.journal.events[-1].kind is TokenEventKind.FAILED
        assert [ports.run(access_token_flow(LOGIN)) for _ in range(20)] == ["at1"] * 20
        ports.blocking.refresher.wait()
    assert len(ports.journal.events) == told, "told once, not for every request"


def test_an_unknown_effect_is_a_defect_and_not_swallowed(ports: Ports) -> None:
    def flow() -> Flow[None]:
        yield from Effect[None]()

    with pytest.raises(TypeError, match="no port answers Effect"):
        ports.run(flow())


async def test_a_cancelled_caller_leaves_the_refresh_running_for_the_others() -> None:
    ports = Ports("asyncio")
    ports.gate.clear()
    leaving = asyncio.create_task(ports.asyncio.run(access_token_flow(LOGIN)))
    staying = asyncio.create_task(ports.asyncio.run(access_token_flow(LOGIN)))
    assert await asyncio.to_thread(ports.asked.wait, 10)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    ports.gate.set()
    assert await staying == "at1"
    assert ports.spent == ["rt0"]


async def test_the_event_loop_goes_on_while_a_refresh_waits_for_the_server() -> None:
    ports = Ports("asyncio")
    ports.gate.clear()
    waiting = asyncio.create_task(ports.asyncio.run(access_token_flow(LOGIN)))
    assert await asyncio.to_thread(ports.asked.wait, 10)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    ports.gate.set()
    assert await waiting == "at1"


async def test_closing_the_driver_waits_for_the_refresh_under_way() -> None:
    ports = Ports("asyncio")
    ports.gate.clear()
    waiting = asyncio.create_task(ports.asyncio.run(access_token_flow(LOGIN)))
    assert await asyncio.to_thread(ports.asked.wait, 10)
    closing = asyncio.create_task(ports.asyncio.aclose())
    await asyncio.sleep(0.01)
    assert not closing.done()
    ports.gate.set()
    await closing
    assert ports.store.stored.refresh_token == "rt1"
    assert ports.async_transport.closed
    assert await waiting == "at1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_its_parents_refresh() -> None:
    ports = Ports("blocking")
    ports.gate.clear()
    parents = ports.blocking.refresher.start(refresh_flow(LOGIN))
    assert ports.asked.wait(10)
    child = os.fork()
    if child == 0:
        ports.blocking.refresher.wait()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    ports.gate.set()
    assert parents.result(10).access_token == "at1"

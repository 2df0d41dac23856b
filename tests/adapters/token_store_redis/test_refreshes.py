"""The login's whole life in Redis: several machines, and a server that forgives nothing."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs

from adapters.gateway.blocking import BlockingDriver
from adapters.gateway.upstream_memory import UpstreamMemory
from domain.flows import access_token_flow
from domain.http import HttpRequest, HttpResponse, Route
from tests.adapters.token_store_redis.scene import Scene
from tests.domain.test_flows import LOGIN
from tests.fakes.clock import FakeClock
from tests.fakes.server_memory import FakeServerMemory
from tests.fakes.token_journal import FakeTokenJournal
from tests.fakes.transport import FakeTransport, Reply


class StrictServer:
    """Takes each refresh token once."""

    def __init__(self) -> None:
        self.spent: list[str] = []
        self._mutex = threading.Lock()

    def answer(self, request: HttpRequest, route: Route) -> Reply:
        with self._mutex:
            token = parse_qs(request.body.decode())["refresh_token"][0]
            if token in self.spent:
                return HttpResponse(status=400, body=b'{"error": "invalid_grant"}')
            self.spent.append(token)
            number = len(self.spent)
        grant = {"access_token": f"at{number}", "refresh_token": f"rt{number}", "expires_in": 3600}
        return HttpResponse(status=200, body=json.dumps(grant).encode())


def machine(scene: Scene, clock: FakeClock, server: StrictServer) -> BlockingDriver:
    return BlockingDriver(
        store=scene.store(seed="rt0"),
        clock=clock,
        transport=FakeTransport(server.answer),
        memory=UpstreamMemory(proxied=False),
        journal=FakeTokenJournal(),
        servers=FakeServerMemory(),
    )


def test_one_expiry_is_one_token_request_whatever_the_number_of_machines(scene: Scene) -> None:
    clock, server, expiries, threads = FakeClock(), StrictServer(), 4, 4
    machines = [machine(scene, clock, server) for _ in range(4)]
    with ThreadPoolExecutor(len(machines) * threads) as crowd:
        for expiry in range(1, expiries + 1):
            asked = [crowd.submit(each.run, access_token_flow(LOGIN)) for each in machines * threads]
            assert {each.result() for each in asked} == {f"at{expiry}"}
            clock.advance(timedelta(hours=2))
    assert server.spent == [f"rt{number}" for number in range(expiries)]
    assert scene.field("refresh_token") == f"rt{expiries}"


def test_a_login_lives_through_a_restart_of_redis_at_every_expiry(own_scene: Scene) -> None:
    clock, server = FakeClock(), StrictServer()
    machines = [machine(own_scene, clock, server) for _ in range(2)]
    for expiry in range(1, 4):
        assert {each.run(access_token_flow(LOGIN)) for each in machines} == {f"at{expiry}"}
        own_scene.server.kill()
        own_scene.let_time_pass()
        # The token lasts, so Redis is not missed.
        assert {each.run(access_token_flow(LOGIN)) for each in machines} == {f"at{expiry}"}
        own_scene.server.start()
        own_scene.let_time_pass()
        clock.advance(timedelta(hours=2))
    assert server.spent == ["rt0", "rt1", "rt2"]

"""No sequence of exchanges, however they end, hands out a connection that is not clean."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.pool import IDLE_S
from domain.errors import TransportError
from domain.http import HttpResponse
from tests.adapters.transport.httptools_exchanges import KEY, READ_S, Wire, turns
from tests.fakes.socket_transport import FakeSocketTransport

T = TypeVar("T")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@settings(max_examples=60, stateful_step_count=40, deadline=None)
class PoolMachine(RuleBasedStateMachine):
    """Exchanges begin, are answered well, badly or not at all, are left and cancelled, while servers come and go."""

    @override
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.wire = self.do(self._new_wire())
        self.transports: dict[Connection, FakeSocketTransport] = {}
        self.running: dict[Connection, asyncio.Task[HttpResponse]] = {}
        self.words: dict[Connection, bytes] = {}
        self.dirty: set[Connection] = set()
        self.asked = 0

    async def _new_wire(self) -> Wire:
        return Wire(idle_per_key=2)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def pick(self, data: st.DataObject) -> Connection:
        return data.draw(st.sampled_from(list(self.running)))

    @rule()
    def ask(self) -> None:
        async def begin() -> None:
            connection = self.wire.pool.take(KEY)
            if connection is None:
                connection, self.transports[connection] = self.wire.connect()
            assert connection not in self.dirty, "a dirty connection was handed out"
            assert connection not in self.running, "a connection was handed out twice"
            assert not self.transports[connection].closed
            self.asked += 1
            self.words[connection] = b"answer %d" % self.asked
            self.running[connection] = self.wire.ask(connection)
            await turns()

        self.do(begin())

    @precondition(lambda self: bool(self.running))
    @rule(data=st.data(), extra=st.sampled_from([b"", b"", b"", b"x", OK, b"\r\nHTTP"]), closing=st.booleans())
    def answer(self, data: st.DataObject, extra: bytes, closing: bool) -> None:
        async def well() -> None:
            connection = self.pick(data)
            words = self.words[connection]
            head = b"HTTP/1.1 200 OK\r\n" + (b"Connection: close\r\n" if closing else b"")
            if extra or closing:
                self.dirty.add(connection)
            self.transports[connection].arrive(head + b"Content-Length: %d\r\n\r\n" % len(words), words + extra)
            await turns()
            assert self.running.pop(connection).result().body == words

        self.do(well())

    @precondition(lambda self: bool(self.running))
    @rule(data=st.data(), how=st.sampled_from(["garbage", "half", "end", "reset", "silence", "cancel"]))
    def break_off(self, data: st.DataObject, how: str) -> None:
        async def badly() -> None:
            connection = self.pick(data)
            transport = self.transports[connection]
            self.dirty.add(connection)
            match how:
                case "garbage":
                    transport.arrive(b"\x00\x01 garbage\r\n\r\n")
                case "half":
                    transport.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                    transport.end()
                case "end":
                    transport.end()
                case "reset":
                    transport.lose(ConnectionResetError(104, "reset"))
                case "silence":
                    self.dirty.update(self.running)
                    self.wire.loop.advance(READ_S + 1)
                case _:
                    self.running[connection].cancel()
            await turns()
            for broken in [each for each in self.running if each in self.dirty]:
                task = self.running.pop(broken)
                assert task.done()
                assert task.cancelled() or isinstance(task.exception(), TransportError)

        self.do(badly())

    @precondition(lambda self: any(self.wire.pool.idle))
    @rule(data=st.data(), how=st.sampled_from(["words", "end", "reset"]))
    def disturb_an_idle_one(self, data: st.DataObject, how: str) -> None:
        async def disturb() -> None:
            connection = data.draw(st.sampled_from(list(self.wire.pool.idle)))
            self.dirty.add(connection)
            match how:
                case "words":
                    self.transports[connection].arrive(OK)
                case "end":
                    self.transports[connection].end()
                case _:
                    self.transports[connection].lose(ConnectionResetError(104, "reset"))
            await turns()

        self.do(disturb())

    @precondition(lambda self: not self.running)
    @rule(seconds=st.sampled_from([1.0, IDLE_S / 2, IDLE_S * 2]))
    def wait(self, seconds: float) -> None:
        async def pass_time() -> None:
            self.wire.loop.advance(seconds)
            await turns()

        self.do(pass_time())

    @invariant()
    def what_is_idle_is_clean_and_open(self) -> None:
        idle = list(self.wire.pool.idle)
        assert len(idle) <= 2
        assert not self.dirty & set(idle)
        assert all(not self.transports[connection].closed for connection in idle)

    @override
    def teardown(self) -> None:
        for task in self.running.values():
            task.cancel()
        self.do(self.wire.pool.aclose())
        assert all(transport.closed for transport in self.transports.values())
        self.runner.close()


TestPoolMachine = PoolMachine.TestCase

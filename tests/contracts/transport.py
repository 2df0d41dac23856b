"""What every transport keeps, real or fake, blocking or asyncio (ports.transport)."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Self

import pytest

from domain.errors import ConnectionLostError, ResponseTimeoutError, ResponseTooLargeError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts, find_header
from ports.transport import AsyncResponseStream, AsyncTransport, ResponseStream, Transport
from tests.fakes.loop_thread import LoopThread
from tests.fakes.transport import Scripted

PATIENT = Timeouts(connect=timedelta(seconds=10), read=timedelta(seconds=10))
MOMENT = timedelta(seconds=0.1)


class Blocking:
    """An AsyncTransport as a Transport, on an event loop that runs in a thread as a server's would."""

    def __init__(self, transport: AsyncTransport, thread: LoopThread) -> None:
        self._transport = transport
        self._thread = thread

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        work = self._transport.send(request, route=route, timeouts=timeouts, max_bytes=max_bytes)
        return self._thread.run(work)

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> ResponseStream:
        opened = self._thread.run(self._transport.open_stream(request, route=route, timeouts=timeouts))
        return _BlockingStream(opened, self._thread)

    def close(self) -> None:
        self._thread.run(self._transport.aclose())


class _BlockingStream:
    def __init__(self, stream: AsyncResponseStream, thread: LoopThread) -> None:
        self._stream = stream
        self._pieces: AsyncIterator[bytes] = aiter(stream)
        self._thread = thread

    @property
    def status(self) -> int:
        return self._stream.status

    @property
    def headers(self) -> Headers:
        return self._stream.headers

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece = self._thread.run(self._next())
        if piece is None:
            raise StopIteration
        return piece

    def close(self) -> None:
        self._thread.run(self._stream.aclose())

    def wait_at_most(self, limit: timedelta) -> None:
        async def on_the_loop() -> None:
            self._stream.wait_at_most(limit)

        self._thread.run(on_the_loop())

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)


class TransportContract(ABC):
    """Inherit, and say how to reach an upstream that gives a scripted answer to every request."""

    @abstractmethod
    def upstream(self, answer: Scripted) -> AbstractContextManager[tuple[Transport, str]]:
        """A transport and the address of the upstream."""

    @pytest.fixture
    def whole(self) -> Iterator[tuple[Transport, str]]:
        answer = Scripted(status=201, headers=(("X-Kind", "test"),), pieces=(b"one ", b"", b"two ", b"three"))
        with self.upstream(answer) as pair:
            yield pair

    @pytest.fixture
    def broken(self) -> Iterator[tuple[Transport, str]]:
        with self.upstream(Scripted(pieces=(b"one ", ConnectionLostError("it broke")))) as pair:
            yield pair

    def test_send_returns_status_headers_and_the_whole_body(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        answer = transport.send(_get(url), route=Route.DIRECT, timeouts=PATIENT, max_bytes=13)
        assert (answer.status, answer.header("x-kind"), answer.body) == (201, "test", b"one two three")

    def test_send_refuses_a_body_one_byte_over_the_limit(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        with pytest.raises(ResponseTooLargeError):
            transport.send(_get(url), route=Route.DIRECT, timeouts=PATIENT, max_bytes=12)

    def test_send_never_returns_half_an_answer(self, broken: tuple[Transport, str]) -> None:
        transport, url = broken
        with pytest.raises(ConnectionLostError):
            transport.send(_get(url), route=Route.DIRECT, timeouts=PATIENT, max_bytes=100)

    def test_a_stream_yields_its_body_and_never_an_empty_piece(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
        try:
            pieces = list(stream)
        finally:
            stream.close()
        assert (stream.status, find_header(stream.headers, "X-KIND")) == (201, "test")
        assert b"".join(pieces) == b"one two three"
        assert all(pieces)

    def test_a_stream_that_broke_stays_broken(self, broken: tuple[Transport, str]) -> None:
        transport, url = broken
        stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
        pieces = iter(stream)
        assert next(pieces) == b"one "
        with pytest.raises(ConnectionLostError) as first:
            next(pieces)
        with pytest.raises(ConnectionLostError) as second:
            next(pieces)
        assert second.value is first.value
        stream.close()

    def test_a_stream_closed_early_never_looks_complete(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
        pieces = iter(stream)
        assert next(pieces)
        stream.close()
        with pytest.raises(ConnectionLostError):
            list(pieces)

    def test_a_stream_may_be_closed_twice_and_unread(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
        stream.close()
        stream.close()

    def test_iterating_goes_on_where_it_was_left(self, whole: tuple[Transport, str]) -> None:
        transport, url = whole
        stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
        first = next(iter(stream))
        assert first + b"".join(stream) == b"one two three"
        stream.close()

    def test_a_stream_that_stalls_times_out_and_stays_broken(self) -> None:
        answer = Scripted(pieces=(b"one ", timedelta(seconds=20), b"two"))
        with self.upstream(answer) as (transport, url):
            stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
            stream.wait_at_most(PATIENT.read)
            assert next(iter(stream)) == b"one "
            stream.wait_at_most(MOMENT)
            with pytest.raises(ResponseTimeoutError, match=r"nothing new for 0\.1 s") as first:
                next(iter(stream))
            stream.wait_at_most(timedelta(minutes=1))
            with pytest.raises(ResponseTimeoutError) as second:
                next(iter(stream))
            assert second.value is first.value
            stream.close()

    def test_pieces_for_which_the_limit_is_not_renewed_do_not_stretch_it(self) -> None:
        answer = Scripted(pieces=(b"ping", timedelta(seconds=0.03)) * 300)
        with self.upstream(answer) as (transport, url):
            stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
            stream.wait_at_most(MOMENT)
            got = bytearray()
            with pytest.raises(ResponseTimeoutError, match=r"nothing new for 0\.1 s"):
                _take_all(stream, got)
            assert len(got) < 100 * len(b"ping")
            stream.close()

    def test_a_limit_that_is_renewed_begins_anew(self) -> None:
        limit = timedelta(seconds=1.5)
        answer = Scripted(pieces=(b"news", limit * 0.3) * 4)
        with self.upstream(answer) as (transport, url):
            stream = transport.open_stream(_get(url), route=Route.DIRECT, timeouts=PATIENT)
            got = bytearray()
            stream.wait_at_most(limit)
            for piece in stream:
                got += piece
                stream.wait_at_most(limit)
            assert bytes(got) == b"news" * 4
            stream.close()


def _take_all(stream: ResponseStream, into: bytearray) -> None:
    for piece in stream:
        into += piece


def _get(url: str) -> HttpRequest:
    return HttpRequest(method="GET", url=url)

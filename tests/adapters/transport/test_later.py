"""A transport that is made when it is needed."""

from datetime import timedelta

import pytest

from adapters.transport.later import LaterTransport
from domain.errors import ConnectionLostError
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from ports.transport import ResponseStream

REQUEST = HttpRequest(method="GET", url="http://127.0.0.1/")
TIMEOUTS = Timeouts(connect=timedelta(seconds=1), read=timedelta(seconds=1))


class Made:
    """A transport that remembers what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        self.done.append("send")
        return HttpResponse(status=max_bytes)

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> ResponseStream:
        self.done.append("open_stream")
        raise ConnectionLostError("as it is")

    def close(self) -> None:
        self.done.append("close")


def test_it_is_made_once_and_does_what_it_is_asked() -> None:
    made: list[Made] = []

    def make() -> Made:
        made.append(Made())
        return made[-1]

    transport = LaterTransport(make)
    assert made == []
    assert transport.send(REQUEST, route=Route.DIRECT, timeouts=TIMEOUTS, max_bytes=7).status == 7
    with pytest.raises(ConnectionLostError):
        transport.open_stream(REQUEST, route=Route.DIRECT, timeouts=TIMEOUTS)
    transport.close()
    (only,) = made
    assert only.done == ["send", "open_stream", "close"]


def test_one_that_was_never_needed_is_closed_without_being_made() -> None:
    def make() -> Made:
        raise AssertionError

    LaterTransport(make).close()

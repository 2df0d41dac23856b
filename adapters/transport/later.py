"""A blocking transport that is made when it is first needed."""

from collections.abc import Callable
from functools import cached_property

from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from ports.transport import ResponseStream, Transport


class LaterTransport:
    """ports.transport.Transport over the one that `make` makes.

    The library behind it takes megabytes and a good part of a server's start, and a server whose token is fresh sends
    nothing through it.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        return self._made.send(request, route=route, timeouts=timeouts, max_bytes=max_bytes)

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> ResponseStream:
        return self._made.open_stream(request, route=route, timeouts=timeouts)

    def close(self) -> None:
        if "_made" in self.__dict__:
            self._made.close()

    # Made twice by two threads at once, one of them is forgotten before it has opened a connection that lasts.
    @cached_property
    def _made(self) -> Transport:
        return self._make()

"""A relayed answer that is followed without a task, on its way out."""

from collections.abc import Callable

from domain.concealing import Concealer, concealed, without_token
from domain.errors import TransportError, UpstreamError
from domain.http import Headers, Route
from domain.upstream_flows import blame_upstream
from ports.transport import FollowedStream


class FollowedAnswer:
    """ports.transport.Followed without our token, and whose failures are blamed on the upstream.

    `stream`, `access_token` and `route` are for whoever goes on with it by a flow.
    """

    __slots__ = ("_concealer", "_received", "access_token", "route", "stream")

    def __init__(self, stream: FollowedStream, *, access_token: str, route: Route) -> None:
        self.stream = stream
        self.access_token = access_token
        self.route = route
        self._concealer = Concealer(access_token)
        self._received = 0

    @property
    def status(self) -> int:
        return self.stream.status

    @property
    def headers(self) -> Headers:
        return without_token(self.stream.headers, self.access_token)

    @property
    def coded(self) -> bool:
        return self.stream.coded

    @property
    def unread(self) -> int:
        return self.stream.unread

    def follow(self, news: Callable[[], None]) -> None:
        self.stream.follow(news)

    def unfollow(self) -> None:
        self.stream.unfollow()

    def begun(self) -> bool:
        return self.stream.begun()

    def whole(self) -> bytes | None:
        body = self.stream.whole()
        return None if body is None else concealed(body, self.access_token)

    def taken(self) -> bytes:
        piece = self.stream.taken()
        self._received += len(piece)
        piece = self._concealer.feed(piece)
        if self._concealer.held and not self.stream.going_on():
            piece += self._concealer.rest()
        return piece

    def going_on(self) -> bool:
        return self.stream.going_on()

    def over(self) -> bool:
        return self.stream.over()

    def failure(self) -> UpstreamError | None:
        failure = self.stream.failure()
        if not isinstance(failure, TransportError):
            return None
        told = blame_upstream(failure, begun=True, received=self._received)
        told.__cause__ = failure
        return told

    def close(self) -> None:
        self.stream.close()

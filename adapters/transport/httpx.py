"""Asyncio HTTP over httpx.

Its transport is used without its client, which would add headers, follow redirects and keep cookies.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, Self

import httpx
from typing_extensions import override

from adapters.transport.content_coding import undo_coding
from adapters.transport.failures import (
    PROXY_AUTHENTICATION_REQUIRED,
    causes,
    lost,
    not_connected,
    overdue,
    refused_by_proxy,
    silent,
    stalled,
    too_large,
)
from adapters.transport.outgoing import outgoing_headers, slices, user_agent
from adapters.transport.peers import ForwardProxy, Peer
from adapters.transport.piece_limit import PieceLimit
from domain.errors import TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts, find_header

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30.0)
FAILURES = (httpx.HTTPError, httpx.StreamError, OSError, zlib.error)  # TimeoutError is an OSError


class HttpxTransport:
    """ports.transport.AsyncTransport over httpx, for one event loop."""

    def __init__(self, *, proxy_url: str | None, tls: ssl.SSLContext) -> None:
        """Raises ConfigurationError for a `proxy_url` that is none."""
        self._proxy = None if proxy_url is None else ForwardProxy.parse(proxy_url)
        self._tls = tls
        self._agent = user_agent()
        self._pooled = {route: self._new_transport(route) for route in Route}

    async def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        # Never over a kept-alive connection: when that turns out stale, nobody can tell whether the request was read.
        transport = self._new_transport(route)
        try:
            stream = await self._open(transport, request, route, timeouts, closing=True)
            try:
                return HttpResponse(
                    status=stream.status, headers=stream.headers, body=await stream.read_whole(max_bytes)
                )
            finally:
                await stream.aclose()
        finally:
            await transport.aclose()

    async def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> "HttpxResponseStream":
        return await self._open(self._pooled[route], request, route, timeouts, closing=False)

    def ask_at_once(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> None:
        """Never: whoever needs that is served by HttptoolsTransport."""

    async def aclose(self) -> None:
        for transport in self._pooled.values():
            await transport.aclose()

    def _new_transport(self, route: Route) -> httpx.AsyncHTTPTransport:
        proxy = None
        if route is Route.PROXY and self._proxy is not None:
            authorization = self._proxy.authorization
            proxy = httpx.Proxy(
                self._proxy.url,
                headers=None if authorization is None else {"Proxy-Authorization": authorization},
                ssl_context=self._tls if self._proxy.url.startswith("https:") else None,
            )
        return httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=LIMITS, proxy=proxy)

    async def _open(
        self,
        transport: httpx.AsyncHTTPTransport,
        request: HttpRequest,
        route: Route,
        timeouts: Timeouts,
        *,
        closing: bool,
    ) -> "HttpxResponseStream":
        peer = Peer.of(request.url, route, self._proxy)
        headers = outgoing_headers(request, agent=self._agent, closing=closing)
        progress = _Progress(peer, timeouts)
        try:
            outgoing = _outgoing(request, headers, timeouts, progress)
            async with asyncio.timeout(timeouts.connect.total_seconds()) as limit:
                progress.limit = limit
                answer = await transport.handle_async_request(outgoing)
        except httpx.InvalidURL as error:
            raise not_connected(peer, error, tls_host=None, otherwise="its address is not usable") from error
        except FAILURES as error:
            await progress.abandon()
            raise progress.failed(error) from error
        except BaseException:
            await progress.abandon()
            raise
        if peer.forwarded and answer.status_code == PROXY_AUTHENTICATION_REQUIRED:
            await answer.aclose()
            raise refused_by_proxy(peer, f"{answer.status_code} {answer.reason_phrase}")
        return HttpxResponseStream(answer, progress)


class HttpxResponseStream:
    """ports.transport.AsyncResponseStream over an httpx response. Iterating goes on where it was left."""

    def __init__(self, answer: httpx.Response, progress: "_Progress") -> None:
        self._answer = answer
        self._progress = progress
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
        self._headers, self._decoder = undo_coding(headers)
        self._pieces = answer.aiter_raw() if self._decoder is None else self._decoded()
        self._limit = PieceLimit(now=asyncio.get_running_loop().time)
        self._failure: TransportError | None = None
        self._ended = False
        self._closed = False

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Headers:
        return self._headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._closed and not self._ended:
            raise lost(self._progress.peer, ValueError(), otherwise="it was closed here before its end")
        self._limit.wait_begins()
        by = self._limit.or_sooner(self._progress.answer_by)
        try:
            if by is None:
                return await anext(self._pieces)
            async with asyncio.timeout_at(by):
                piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._ended = True
            raise
        except FAILURES as error:
            self._failure = self._failed(error)
            await self.aclose()
            raise self._failure from error
        except asyncio.CancelledError:
            # httpcore has closed the connection. What is left of the answer must not look like its end.
            self._closed = True
            raise
        self._limit.wait_ends()
        return piece

    def wait_at_most(self, limit: timedelta) -> None:
        self._limit.renew(limit)

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        del sink  # httpx is read by a task
        return False

    async def read_whole(self, max_bytes: int) -> bytes:
        """The rest of the body. Raises ResponseTooLargeError without reading beyond the limit."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > max_bytes:
                raise too_large(self._progress.peer, max_bytes=max_bytes)
        return bytes(body)

    async def aclose(self) -> None:
        self._closed = True
        await self._answer.aclose()

    def _failed(self, error: Exception) -> TransportError:
        limit = self._limit.if_sooner(self._progress.answer_by) if isinstance(error, TimeoutError) else None
        return self._progress.failed(error) if limit is None else stalled(self._progress.peer, limit=limit)

    async def _decoded(self) -> AsyncIterator[bytes]:
        assert self._decoder is not None  # noqa: S101 - for the type checker; see __init__
        async for data in self._answer.aiter_raw():
            for piece in self._decoder.feed(data):
                yield piece
        self._decoder.finish()


class _Progress:
    """How far an exchange has come, as httpcore's trace events tell it.

    It is the trace callback of one request. The first limit covers name resolution, TCP, proxy and TLS together; when
    the request itself starts to leave it gives way to the limit of the whole answer.
    """

    def __init__(self, peer: Peer, timeouts: Timeouts) -> None:
        self.peer = peer
        self.answer_by: float | None = None
        self.limit: asyncio.Timeout | None = None
        self._timeouts = timeouts
        self._sent = False
        self._tls_host: str | None = None
        self._socket: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:  # httpcore awaits it
        match event:
            case "connection.connect_tcp.complete":
                self._socket = info["return_value"]
            case "connection.start_tls.started" | "proxy.start_tls.started":
                self._tls_host = str(info["server_hostname"])
            case "http11.send_request_headers.started" if info["request"].method != b"CONNECT":
                self._begin_to_send()
            case _:
                pass

    def _begin_to_send(self) -> None:
        assert self.limit is not None  # noqa: S101 - set before the request is handed over
        self._sent = True
        if self._timeouts.total is not None:
            self.answer_by = asyncio.get_running_loop().time() + self._timeouts.total.total_seconds()
        self.limit.reschedule(self.answer_by)

    async def abandon(self) -> None:
        """Close what httpcore leaves open when it is cancelled in the middle of a TLS handshake."""
        if self._socket is not None and not self._sent:
            await self._socket.aclose()

    def failed(self, error: Exception) -> TransportError:
        """The error of this exchange in the domain's words."""
        if not self._sent:
            return self._never_connected(error)
        if isinstance(error, TimeoutError) and self._timeouts.total is not None:
            return overdue(self.peer, limit=self._timeouts.total)
        if isinstance(error, httpx.TimeoutException):
            return silent(self.peer, limit=self._timeouts.read)
        return lost(self.peer, error, otherwise=_how_it_broke(error))

    def _never_connected(self, error: Exception) -> TransportError:
        if isinstance(error, httpx.ProxyError):
            return refused_by_proxy(self.peer, str(error))
        return not_connected(
            self.peer,
            error,
            tls_host=self._tls_host,
            otherwise="the connection was closed while it was being set up",
            at_proxy=self.peer.proxy is not None and self._socket is None,
            limit=self._timeouts.connect,
        )


class _Body(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in slices(self._body):
            yield piece


def _outgoing(request: HttpRequest, headers: Headers, timeouts: Timeouts, progress: _Progress) -> httpx.Request:
    read_s = timeouts.read.total_seconds()
    url = httpx.URL(request.url)
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
    if find_header(headers, "Host") is None:
        fields.insert(0, (b"Host", url.netloc))
    return httpx.Request(
        request.method,
        url,
        headers=fields,
        stream=_Body(request.body),  # given a stream, httpx adds no header of its own
        extensions={"timeout": {"connect": None, "pool": None, "read": read_s, "write": read_s}, "trace": progress},
    )


def _how_it_broke(error: Exception) -> str:
    """The words in place of the reason: httpx tells these cases apart by its messages alone."""
    words = " ".join(str(cause) for cause in causes(error))
    if "without sending a response" in words:
        return "the server closed it without an answer"
    if "without sending complete message body" in words or "incomplete chunked read" in words:
        return "the answer ended before it was complete"
    if isinstance(error, zlib.error):
        return "the answer's content coding is broken"
    if isinstance(error, httpx.StreamError | httpx.ReadError):
        return "it was closed before its end"
    return "the answer is not valid HTTP"

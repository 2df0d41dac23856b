"""Blocking HTTP over requests.

Its adapter is used without its Session, which would add headers, follow redirects, keep cookies and read proxies and
credentials from the environment.
"""

import ssl
import zlib
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from time import monotonic
from typing import Any, Self, cast

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import override
from urllib3 import HTTPHeaderDict, HTTPResponse, Retry, Timeout
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.exceptions import IncompleteRead as PooledIncompleteRead

from adapters.transport.connections import POOL_CLASSES, Patience, Terms
from adapters.transport.content_coding import undo_coding
from adapters.transport.failures import (
    PROXY_AUTHENTICATION_REQUIRED,
    causes,
    lost,
    overdue,
    refused_by_proxy,
    silent,
    stalled,
    too_large,
)
from adapters.transport.outgoing import outgoing_headers, slices, user_agent
from adapters.transport.peers import ForwardProxy, Peer
from domain.errors import ResponseTimeoutError, TransportError
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts

READ_BYTES = 64 * 1024
HOSTS = 32
CONNECTIONS_PER_HOST = 256


class RequestsTransport:
    """ports.transport.Transport over requests and urllib3."""

    def __init__(self, *, proxy_url: str | None, tls: ssl.SSLContext) -> None:
        """Raises ConfigurationError for a `proxy_url` that is none."""
        self._proxy = None if proxy_url is None else ForwardProxy.parse(proxy_url)
        self._tls = tls
        self._agent = user_agent()
        self._pooled = {route: self._new_adapter(route) for route in Route}

    def send(self, request: HttpRequest, *, route: Route, timeouts: Timeouts, max_bytes: int) -> HttpResponse:
        # Never over a kept-alive connection: when that turns out stale, nobody can tell whether the request was read.
        adapter = self._new_adapter(route)
        try:
            stream = self._open(adapter, request, route, timeouts, closing=True)
            try:
                return HttpResponse(status=stream.status, headers=stream.headers, body=stream.read_whole(max_bytes))
            finally:
                stream.close()
        finally:
            adapter.close()

    def open_stream(self, request: HttpRequest, *, route: Route, timeouts: Timeouts) -> "RequestsResponseStream":
        return self._open(self._pooled[route], request, route, timeouts, closing=False)

    def close(self) -> None:
        for adapter in self._pooled.values():
            adapter.close()

    def _new_adapter(self, route: Route) -> "_Adapter":
        return _Adapter(proxy=self._proxy if route is Route.PROXY else None, tls=self._tls)

    def _open(
        self, adapter: "_Adapter", request: HttpRequest, route: Route, timeouts: Timeouts, *, closing: bool
    ) -> "RequestsResponseStream":
        peer = Peer.of(request.url, route, self._proxy)
        headers = outgoing_headers(request, agent=self._agent, closing=closing)
        try:
            answer = adapter.exchange(request, headers, peer, timeouts)
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            raise _failed(error, peer, timeouts, answer_by=adapter.terms.answer_by) from error
        if peer.forwarded and answer.status == PROXY_AUTHENTICATION_REQUIRED:
            answer.close()
            raise refused_by_proxy(peer, f"{answer.status} {answer.reason or ''}")
        return RequestsResponseStream(answer, peer=peer, timeouts=timeouts, patience=adapter.terms.patience)


class RequestsResponseStream:
    """ports.transport.ResponseStream over a urllib3 response. Iterating goes on where it was left."""

    def __init__(self, answer: HTTPResponse, *, peer: Peer, timeouts: Timeouts, patience: Patience) -> None:
        self._answer = answer
        self._peer = peer
        self._timeouts = timeouts
        # The connection's own, so it need not be this thread that opened the stream.
        self._patience = patience
        self._headers, self._decoder = undo_coding(tuple(answer.headers.items()))
        self._pieces = self._read()
        self._failure: TransportError | None = None
        self._ended = False
        self._closed = False

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Headers:
        return self._headers

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._closed and not self._ended:
            raise lost(self._peer, ValueError(), otherwise="it was closed here before its end")
        limit = self._patience.piece
        limit.wait_begins()
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._ended = True
            raise
        except (HTTPError, HTTPException, OSError, zlib.error) as error:
            self._failure = self._failed(error)
            self.close()
            raise self._failure from error
        limit.wait_ends()
        return piece

    def wait_at_most(self, limit: timedelta) -> None:
        self._patience.piece.renew(limit)

    def read_whole(self, max_bytes: int) -> bytes:
        """The rest of the body. Raises ResponseTooLargeError without reading beyond the limit."""
        body = bytearray()
        for piece in self:
            body += piece
            if len(body) > max_bytes:
                raise too_large(self._peer, max_bytes=max_bytes)
        return bytes(body)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._ended:
            self._answer.close()
        self._answer.release_conn()

    def _failed(self, error: Exception) -> TransportError:
        failure = _failed(error, self._peer, self._timeouts, answer_by=self._patience.until)
        limit = self._patience.late_piece if isinstance(failure, ResponseTimeoutError) else None
        return failure if limit is None else stalled(self._peer, limit=limit)

    def _read(self) -> Iterator[bytes]:
        while data := self._answer.read1(READ_BYTES, decode_content=False):
            if self._decoder is None:
                yield data
            else:
                yield from self._decoder.feed(data)
        if self._decoder is not None:
            self._decoder.finish()


class _Adapter(HTTPAdapter):
    """requests' adapter, bound to one TLS policy and to one route, with connections that keep to `terms`."""

    def __init__(self, *, proxy: ForwardProxy | None, tls: ssl.SSLContext) -> None:
        self.terms = Terms()
        self._proxy = proxy
        self._tls = tls
        self._proxies: dict[str, str] = {} if proxy is None else {"http": proxy.url, "https": proxy.url}
        # Retry(False): an error comes as it is. With 0 it would come wrapped as the last of no retries.
        super().__init__(pool_connections=HOSTS, pool_maxsize=CONNECTIONS_PER_HOST, max_retries=Retry(total=False))
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES
        if proxy is not None:
            # Made before any thread can race for it.
            manager = self.proxy_manager_for(
                proxy.url, proxy_ssl_context=tls if proxy.url.startswith("https:") else None
            )
            manager.pool_classes_by_scheme = POOL_CLASSES

    def exchange(self, request: HttpRequest, headers: Headers, peer: Peer, timeouts: Timeouts) -> HTTPResponse:
        """Send a request and await the head of its answer. Raises NotConnectedError, or a foreign error once sent."""
        self.terms.begin(peer, timeouts)
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        prepared.headers = cast("CaseInsensitiveDict[str]", HTTPHeaderDict(headers))  # keeps repeated names apart
        prepared.body = cast("Any", slices(request.body)) if request.body else None
        limits = Timeout(connect=timeouts.connect.total_seconds(), read=timeouts.read.total_seconds())
        answer = self.send(prepared, stream=True, timeout=cast("Any", limits), proxies=self._proxies)
        return cast("HTTPResponse", answer.raw)

    @override
    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: requests would load a bundle of its own into the context. The context demands a certificate."""

    @override
    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify=True)
        return host, {"ssl_context": self._tls, "cert_reqs": "CERT_REQUIRED"}

    @override
    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        pool = cast("HTTPConnectionPool", super().get_connection_with_tls_context(request, verify, proxies, cert))
        pool.conn_kw["terms"] = self.terms
        return pool

    @override
    def proxy_headers(self, proxy: str) -> dict[str, str]:
        if self._proxy is None or self._proxy.authorization is None:
            return {}
        return {"Proxy-Authorization": self._proxy.authorization}


def _failed(error: Exception, peer: Peer, timeouts: Timeouts, *, answer_by: float | None) -> TransportError:
    """The error for an exchange that broke once its connection stood."""
    chain = tuple(causes(error))
    if any(isinstance(cause, TimeoutError) for cause in chain):
        if timeouts.total is not None and answer_by is not None and monotonic() >= answer_by:
            return overdue(peer, limit=timeouts.total)
        return silent(peer, limit=timeouts.read)
    otherwise = "the answer is not valid HTTP"
    if any(isinstance(cause, RemoteDisconnected) for cause in chain):
        otherwise = "the server closed it without an answer"
    elif any(isinstance(cause, IncompleteRead | PooledIncompleteRead) for cause in chain):
        otherwise = "the answer ended before it was complete"
    elif any(isinstance(cause, zlib.error) for cause in chain):
        otherwise = "the answer's content coding is broken"
    return lost(peer, error, otherwise=otherwise)

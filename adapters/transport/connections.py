"""urllib3's connections, made exact: they tell a request that never left from one that may have, and keep to limits.

urllib3 reports a reset in the TLS handshake like one after the request. Here whatever `connect()` raises is translated
on the spot, so every other error is one of an exchange that has begun.
"""

import io
import queue
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException, HTTPResponse, IncompleteRead
from time import monotonic
from typing import Any, Protocol

from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from adapters.transport.failures import not_connected, refused_by_proxy
from adapters.transport.peers import Peer
from adapters.transport.piece_limit import PieceLimit
from domain.http import Timeouts

KEEPALIVE_S = 30.0  # firewalls forget idle connections without a word
READ_BUFFER_BYTES = 64 * 1024
TUNNEL_REFUSED = "Tunnel connection failed: "
SWITCHING_PROTOCOLS = 101


class Terms(threading.local):
    """What the connections used by this thread must know of the exchange under way; urllib3 hands none of it on.

    `connect_by` and `answer_by` are monotonic seconds; the latter is set once the request has been sent, as is
    `patience`, to which the reads of its answer keep.
    """

    peer: Peer
    timeouts: Timeouts
    connect_by: float
    answer_by: float | None
    patience: "Patience"

    def begin(self, peer: Peer, timeouts: Timeouts) -> None:
        self.peer = peer
        self.timeouts = timeouts
        self.connect_by = monotonic() + timeouts.connect.total_seconds()
        self.answer_by = None


@dataclass(slots=True, kw_only=True)
class Patience:
    """How long reads may wait: each for `read_s`, all until `until` (monotonic seconds), a piece's for `piece`."""

    read_s: float
    until: float | None = None
    piece: PieceLimit = field(default_factory=PieceLimit)
    last_read_at: float = field(default_factory=monotonic)

    def next_wait_s(self) -> float:
        until = self.piece.or_sooner(self.until)
        if until is None:
            return self.read_s
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError
        return min(self.read_s, left)

    @property
    def late_piece(self) -> timedelta | None:
        """The limit of a piece, if that is what has struck."""
        by = self.piece.by
        return None if by is None or monotonic() < by else self.piece.if_sooner(self.until)


class _Readable(Protocol):
    """What socket.socket and urllib3's TLS-in-TLS socket have in common."""

    def settimeout(self, value: float | None, /) -> None: ...

    def makefile(self, mode: Any, buffering: int) -> Any: ...


class _PatientReader(io.RawIOBase):
    """A socket's bytes, each read limited anew: a server that dribbles cannot stretch the whole."""

    def __init__(self, sock: _Readable, patience: Patience) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._patience = patience

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(self._patience.next_wait_s())
        count: int | None = self._raw.readinto(buffer)
        self._patience.last_read_at = monotonic()
        return count

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _WholeLines(io.BufferedReader):
    """http.client takes the end of the connection for the end of the headers. Here it is an error."""

    _begun = False

    @override
    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line and self._begun:
            raise IncompleteRead(line)
        self._begun = True
        return line


class _PatientSocket:
    """The one method that http.client asks of the socket of an answer."""

    def __init__(self, sock: _Readable, patience: Patience) -> None:
        self._sock = sock
        self._patience = patience

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _WholeLines(_PatientReader(self._sock, self._patience), READ_BUFFER_BYTES)


class _Answer(HTTPResponse):
    """http.client's answer, past the informational ones: it knows 100 alone, not 102 or 103 (RFC 9110 section 15.2)."""

    @override
    def begin(self, **options: Any) -> None:
        super().begin(**options)
        while self.status < 200 and self.status != SWITCHING_PROTOCOLS:  # noqa: PLR2004 - the border of 1xx
            self.headers = self.msg = None  # type: ignore[assignment]  # what http.client itself begins with
            super().begin(**options)


class _TermedConnection(HTTPConnection):
    """A connection that keeps to the terms of the exchange for which it is used."""

    def __init__(self, *args: Any, terms: Terms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._terms = terms
        self._patience = Patience(read_s=KEEPALIVE_S)

    # A method in place of a class attribute: http.client only ever calls it.
    @override
    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> HTTPResponse:  # type: ignore[override]
        """In place of a class: an answer whose reads keep to this connection's patience."""
        return _Answer(_PatientSocket(sock, self._patience), *args, **kwargs)  # type: ignore[arg-type]

    @override
    def connect(self) -> None:
        terms = self._terms
        self._patience = Patience(read_s=terms.timeouts.connect.total_seconds(), until=terms.connect_by)
        try:
            super().connect()
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise self._never_connected(error) from error
        self._send_patiently()

    @override
    def _new_conn(self) -> socket.socket:
        return _dial(self._dns_host, self.port, until=self._terms.connect_by)

    @override
    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        # Sending is limited like reading. urllib3 would limit it by the connect timeout, too short for a large body.
        self.timeout = self._terms.timeouts.read.total_seconds()
        super().request(method, url, body, headers, **options)

    @override
    def getresponse(self) -> Any:
        timeouts = self._terms.timeouts
        if timeouts.total is not None:
            self._terms.answer_by = monotonic() + timeouts.total.total_seconds()
        self._patience = Patience(read_s=timeouts.read.total_seconds(), until=self._terms.answer_by)
        self._terms.patience = self._patience
        return super().getresponse()

    @property
    @override
    def is_connected(self) -> bool:
        """Whether the connection may be used again."""
        return super().is_connected and monotonic() - self._patience.last_read_at < KEEPALIVE_S

    def _send_patiently(self) -> None:
        self.sock.settimeout(self._terms.timeouts.read.total_seconds())

    def _never_connected(self, error: Exception) -> Exception:
        peer = self._terms.peer
        if str(error).startswith(TUNNEL_REFUSED):
            return refused_by_proxy(peer, str(error).removeprefix(TUNNEL_REFUSED))
        at_proxy = peer.proxy is not None and not self.has_connected_to_proxy
        return not_connected(
            peer,
            error,
            tls_host=peer.proxy if at_proxy else None,
            otherwise="the connection was closed while it was being set up",
            at_proxy=at_proxy,
            limit=self._terms.timeouts.connect,
        )


class PlainConnection(_TermedConnection):
    pass


class TlsConnection(_TermedConnection, HTTPSConnection):  # pyright: ignore[reportIncompatibleVariableOverride] - as above
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection  # pyright: ignore[reportAssignmentType] - nor does urllib3's own class fit its protocol


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection  # pyright: ignore[reportAssignmentType]


POOL_CLASSES: Mapping[str, type[HTTPConnectionPool]] = {"http": PlainPool, "https": TlsPool}


def _dial(host: str, port: int, *, until: float) -> socket.socket:
    """A TCP connection to the first address that answers; its timeout is what is left until `until`.

    Raises OSError, TimeoutError included; UnicodeError for a host that cannot be a name.
    """
    addresses = _resolve(host, port, _left_s(until))
    failure: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A fair share each: an address that swallows packets leaves time for the next one.
            sock.settimeout(_left_s(until) / (len(addresses) - index))
            sock.connect(address)
            sock.settimeout(_left_s(until))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure or OSError(f"no address for {host}")


def _resolve(host: str, port: int, wait_s: float) -> list[Any]:
    """getaddrinfo, which cannot be told how long to take, in a thread that is left behind when it takes too long."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name="name-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=wait_s)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _left_s(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left

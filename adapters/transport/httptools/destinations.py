"""Where a request goes: the origin, the way there, and how the request itself names both (RFC 9112 section 3.2)."""

import re
from dataclasses import dataclass, field
from typing import Self, TypeAlias
from urllib.parse import quote, urlsplit

from adapters.transport.failures import not_connected
from adapters.transport.peers import DEFAULT_PORTS, ForwardProxy, Peer
from domain.http import Route

# What may share a connection: the origin's scheme, host and port, and whether the way leads through the proxy.
PoolKey: TypeAlias = tuple[str, str, int, bool]

MAX_DESTINATIONS = 256

_URI = re.compile(r"[!$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*")
_HOST = re.compile(r"[!$%&'()*+,.0-9:;=A-Z_a-z~-]+")  # RFC 3986 section 3.2.2, the brackets of IPv6 taken off


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A server to connect to; with `secure` it is spoken to in TLS."""

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, scheme: str, host: str, port: int | None) -> Self:
        return cls(host=host, port=DEFAULT_PORTS[scheme] if port is None else port, secure=scheme == "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """`target` stands in the request line, `host` in the Host field, `authorization` is for a proxy that reads both.

    Behind a `proxy`, https goes through a tunnel, and only the CONNECT that opens it shows `proxy_authorization`.
    """

    peer: Peer
    key: PoolKey
    origin: Hop
    proxy: Hop | None
    target: str
    host: str
    proxy_authorization: str | None = field(repr=False)

    @property
    def tunnelled(self) -> bool:
        return self.proxy is not None and self.origin.secure

    @classmethod
    def of(cls, url: str, route: Route, proxy: ForwardProxy | None) -> Self:
        """Raises NotConnectedError for an address that is none, and for a route that is not there."""
        peer = Peer.of(url, route, proxy)
        parts = urlsplit(url)
        name = parts.hostname or ""
        try:
            name = name if name.isascii() else name.encode("idna").decode("ascii")
            if not _HOST.fullmatch(name):
                raise UnicodeError  # noqa: TRY301 - told in the same words
        except UnicodeError as error:
            raise not_connected(peer, error, tls_host=None, otherwise="its address is not usable") from error
        origin = Hop.of(parts.scheme, name, parts.port)
        bracketed = f"[{name}]" if ":" in name else name
        host = bracketed if origin.port == DEFAULT_PORTS[parts.scheme] else f"{bracketed}:{origin.port}"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not _URI.fullmatch(target):
            target = quote(target, safe="!$%&'()*+,/:;=?@[]~")
        hop = None
        if route is Route.PROXY and proxy is not None:
            way = urlsplit(proxy.url)
            hop = Hop.of(way.scheme, way.hostname or "", way.port)
        return cls(
            peer=peer,
            key=(parts.scheme, name, origin.port, hop is not None),
            origin=origin,
            proxy=hop,
            target=f"http://{host}{target}" if peer.forwarded else target,
            host=host,
            proxy_authorization=None if hop is None or proxy is None else proxy.authorization,
        )


class Destinations:
    """Each address is taken apart once: what is asked all day goes to a handful of them."""

    def __init__(self, proxy: ForwardProxy | None) -> None:
        self._proxy = proxy
        self._direct: dict[str, Destination] = {}
        self._proxied: dict[str, Destination] = {}

    def __len__(self) -> int:
        return len(self._direct) + len(self._proxied)

    def find(self, url: str, route: Route) -> Destination:
        """As `Destination.of`."""
        known = self._proxied if route is Route.PROXY else self._direct
        destination = known.get(url)
        if destination is None:
            destination = Destination.of(url, route, self._proxy)
            if len(known) >= MAX_DESTINATIONS:
                known.clear()
            known[url] = destination
        return destination

"""Whom an exchange is with, and which way it goes."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from typing_extensions import override

from domain.errors import ConfigurationError, NotConnectedError
from domain.http import Route

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardProxy:
    """HTTP_PROXY_URL taken apart, so that no library, error or log line ever holds the URL with its credentials.

    `url` has none; `authority` is `host:port`; `authorization` is the value of Proxy-Authorization (RFC 7617).
    """

    url: str
    authority: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, proxy_url: str) -> Self:
        """Raises ConfigurationError, which does not repeat the URL."""
        try:
            parts = urlsplit(proxy_url)
            authority = _authority(parts)
        except ValueError as error:
            raise ConfigurationError(
                f"HTTP_PROXY_URL is not the address of a proxy ({error}). It looks like http://proxy.example.com:3128."
            ) from None
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = f"Basic {b64encode(pair.encode()).decode('ascii')}"
        return cls(url=f"{parts.scheme}://{authority}", authority=authority, authorization=authorization)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The server of an exchange and the way to it, as an error message names them."""

    scheme: str
    authority: str
    proxy: str | None

    @classmethod
    def of(cls, url: str, route: Route, proxy: ForwardProxy | None) -> Self:
        """Raises NotConnectedError for an address that is none, and for a route that is not there."""
        try:
            parts = urlsplit(url)
            authority = _authority(parts)
        except ValueError as error:
            raise NotConnectedError(f"The request was not sent: its address is not usable ({error}).") from None
        if route is Route.PROXY and proxy is None:
            raise NotConnectedError(f"could not connect to {authority} through a proxy: HTTP_PROXY_URL is not set")
        way = proxy.authority if route is Route.PROXY and proxy is not None else None
        return cls(scheme=parts.scheme, authority=authority, proxy=way)

    @property
    def way(self) -> str:
        return "directly" if self.proxy is None else f"through the proxy {self.proxy}"

    @property
    def forwarded(self) -> bool:
        """Whether a proxy reads the request itself: plain http goes to it in absolute form, https through a tunnel."""
        return self.proxy is not None and self.scheme == "http"

    @override
    def __str__(self) -> str:
        return f"{self.authority} {self.way}"


def _authority(parts: SplitResult) -> str:
    """`host:port`, the port always told. Raises ValueError with words that are safe to show."""
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("neither http:// nor https://")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number up to 65535") from None
    host = parts.hostname
    if not host:
        raise ValueError("no host")
    return f"{f'[{host}]' if ':' in host else host}:{DEFAULT_PORTS[parts.scheme] if port is None else port}"

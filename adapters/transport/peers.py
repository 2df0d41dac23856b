"""Whom an exchange is with, and which way it goes."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from typing_extensions import override

from domain.errors import ConfigurationError, NotConnectedError
from domain.http import Route
from domain.words import Text

DEFAULT_PORTS = {"http": 80, "https": 443}

_NO_SCHEME = "neither http:// nor https://"
_NO_PORT = "the port is not a number up to 65535"
_NO_HOST = "no host"
_FLAWS = {_NO_SCHEME: "既非 http:// 也非 https://", _NO_PORT: "端口不是不超过 65535 的数字", _NO_HOST: "缺少主机"}


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
                Text(
                    f"HTTP_PROXY_URL is not the address of a proxy ({error}). "
                    "It looks like http://proxy.example.com:3128.",
                    f"HTTP_PROXY_URL 不是代理服务器的地址（{_told_flaw(error)}）。"
                    "其形式如 http://proxy.example.com:3128。",
                )
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
            raise NotConnectedError(
                Text(
                    f"The request was not sent: its address is not usable ({error}).",
                    f"请求未发送：其地址无法使用（{_told_flaw(error)}）。",
                )
            ) from None
        if route is Route.PROXY and proxy is None:
            raise NotConnectedError(
                Text(
                    f"could not connect to {authority} through a proxy: HTTP_PROXY_URL is not set",
                    f"无法通过代理服务器连接 {authority}：未设置 HTTP_PROXY_URL",
                )
            )
        way = proxy.authority if route is Route.PROXY and proxy is not None else None
        return cls(scheme=parts.scheme, authority=authority, proxy=way)

    @property
    def way(self) -> str:
        return self.told_way.en

    @property
    def told_way(self) -> Text:
        """The way, to stand behind the host in English and before the verb in Chinese."""
        if self.proxy is None:
            return Text("directly", "直接")
        return Text(f"through the proxy {self.proxy}", f"通过代理服务器 {self.proxy} ")

    @property
    def forwarded(self) -> bool:
        """Whether a proxy reads the request itself: plain http goes to it in absolute form, https through a tunnel."""
        return self.proxy is not None and self.scheme == "http"

    @override
    def __str__(self) -> str:
        return f"{self.authority} {self.way}"


def _told_flaw(error: ValueError) -> str:
    return _FLAWS.get(str(error), str(error))


def _authority(parts: SplitResult) -> str:
    """`host:port`, the port always told. Raises ValueError with words that are safe to show."""
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(_NO_SCHEME)
    try:
        port = parts.port
    except ValueError:
        raise ValueError(_NO_PORT) from None
    host = parts.hostname
    if not host:
        raise ValueError(_NO_HOST)
    return f"{f'[{host}]' if ':' in host else host}:{DEFAULT_PORTS[parts.scheme] if port is None else port}"

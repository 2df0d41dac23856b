"""An HTTP exchange as values (RFC 9110), without a connection."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from ipaddress import ip_address
from typing import Self

Headers = tuple[tuple[str, str], ...]


def find_header(headers: Headers, name: str) -> str | None:
    """The first value of a header field; names compare without case (RFC 9110 section 5.1)."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


def bearer(access_token: str) -> tuple[str, str]:
    """The field that shows a bearer token (RFC 6750 section 2.1)."""
    return ("Authorization", f"Bearer {access_token}")


def http_date(value: str | None) -> datetime | None:
    """A moment as HTTP writes it (RFC 9110 section 5.6.7), aware; None for anything else."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address, brackets or not, can only ever mean this machine (RFC 6761 section 6.3)."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class Route(Enum):
    """How a request travels: straight to the host, or through HTTP_PROXY_URL."""

    DIRECT = "direct"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long an exchange may take.

    `connect` limits DNS, TCP, proxy and TLS; `read` each wait for further bytes of the answer; `total`, when set, the
    whole wait for an answer once the request has been sent.
    """

    connect: timedelta
    read: timedelta
    total: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request. Headers and body may hold secrets, so neither shows in `repr`."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def with_headers(self, added: Iterable[tuple[str, str]]) -> Self:
        """The same request with these headers in place of any of the same name."""
        extra = tuple(added)
        names = {key.lower() for key, _ in extra}
        kept = [header for header in self.headers if header[0].lower() not in names]
        return type(self)(method=self.method, url=self.url, headers=(*kept, *extra), body=self.body)

    def authorized(self, access_token: str) -> Self:
        """The same request with a bearer token in place of any."""
        kept = [header for header in self.headers if header[0].lower() != "authorization"]
        kept.append(bearer(access_token))
        return type(self)(method=self.method, url=self.url, headers=tuple(kept), body=self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One complete answer. The body may hold tokens, so it does not show in `repr`."""

    status: int
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        return find_header(self.headers, name)

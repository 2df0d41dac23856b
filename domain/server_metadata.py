"""What an authorization server says of itself: OpenID Connect Discovery 1.0, RFC 8414; and what is kept in mind of it.

A document is believed for what it says of its own server alone: it comes over TLS from the address that the settings
name, its issuer is the one that is expected (RFC 8414 section 3.3), and its endpoints are protected by TLS too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from domain.errors import ConfigurationError, LoginFailedError
from domain.http import HttpRequest, HttpResponse, is_loopback_host
from domain.tokens import CLOCK_TOLERANCE
from domain.words import Text

OPENID_CONFIGURATION = "/.well-known/openid-configuration"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
MAX_METADATA_BYTES = 1024 * 1024
# After a success, and after a failure, the server is not asked again for so long.
_KNOWN_FOR = timedelta(hours=24)
_UNKNOWN_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses of an authorization server; None for one that is not known."""

    authorization: str | None = None
    token: str | None = None
    device: str | None = None
    revocation: str | None = None

    def before(self, others: "Endpoints") -> "Endpoints":
        """These, and what is missing from `others`."""
        return Endpoints(
            authorization=self.authorization or others.authorization,
            token=self.token or others.token,
            device=self.device or others.device,
            revocation=self.revocation or others.revocation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetadata:
    """A discovery document, as far as it is of use here. `names_itself`: its authorization answers bear `iss`."""

    issuer: str
    endpoints: Endpoints
    names_itself: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose login it is, as the ID token says (OpenID Connect Core section 5.1); fit to be shown."""

    subject: str
    name: str = ""
    email: str = ""

    def __str__(self) -> str:
        known = self.name or self.email
        extra = f" <{self.email}>" if self.email and self.email != known else ""
        return f"{known}{extra}" if known else self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    """The server as the settings and the preset describe it.

    `issuer` is what its documents must name, None for whatever they name. `configured` endpoints win over those of a
    document, `fallback` ones are used where there is no document, or it does not name them.
    """

    address: str
    discovery_urls: tuple[str, ...]
    issuer: str | None
    configured: Endpoints
    fallback: Endpoints

    def expects(self, issuer: str) -> bool:
        return self.issuer is None or _normal(issuer) == _normal(self.issuer)

    def endpoints(self, metadata: ServerMetadata | None) -> Endpoints:
        found = Endpoints() if metadata is None else metadata.endpoints
        return self.configured.before(found).before(self.fallback)


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedServer:
    """What is kept in mind of a server.

    `metadata` is what its document at `source` said at `asked_at`, None for a failure. `token_endpoint` is where the
    login was issued, and is renewed, however long ago that is; `person` is whose login it is.
    """

    asked_at: datetime | None = None
    source: str = ""
    metadata: ServerMetadata | None = None
    token_endpoint: str | None = None
    person: Person | None = None

    def answers_for(self, server: AuthorizationServer, now: datetime) -> bool:
        """Whether there is no need to ask the server now."""
        if self.asked_at is None or self.source not in server.discovery_urls:
            return False
        if self.metadata is not None and not server.expects(self.metadata.issuer):
            return False
        age = now - self.asked_at
        return -CLOCK_TOLERANCE <= age < (_UNKNOWN_FOR if self.metadata is None else _KNOWN_FOR)


def discovery_urls(issuer: str) -> tuple[str, ...]:
    """Where an issuer's documents stand: OpenID Connect Discovery section 4, RFC 8414 section 3.1."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return f"{origin}{path}{OPENID_CONFIGURATION}", f"{origin}{SERVER_METADATA}{path}"


def issuer_of_discovery(url: str) -> str | None:
    """The issuer whose document stands at this address; None where the address does not tell."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.path.endswith(OPENID_CONFIGURATION):
        return origin + parts.path.removesuffix(OPENID_CONFIGURATION)
    if parts.path.startswith(SERVER_METADATA):
        return origin + parts.path.removeprefix(SERVER_METADATA)
    return None


def metadata_request(url: str) -> HttpRequest:
    return HttpRequest(method="GET", url=url, headers=(("Accept", "application/json"),))


def read_metadata(response: HttpResponse, *, url: str, server: AuthorizationServer) -> ServerMetadata | None:
    """The document that this answer is; None when it is none.

    Raises ConfigurationError for the document of another issuer, LoginFailedError for an endpoint without TLS.
    """
    if response.status != 200:  # noqa: PLR2004 - OpenID Connect Discovery section 4.2
        return None
    document = json_object(response.body)
    issuer = None if document is None else text_in(document, "issuer")
    if document is None or not issuer:
        return None
    if not server.expects(issuer):
        raise _other_issuer(url, issuer, server.issuer or "")
    return ServerMetadata(
        issuer=issuer,
        endpoints=Endpoints(
            authorization=_endpoint(document, "authorization_endpoint", url),
            token=_endpoint(document, "token_endpoint", url),
            device=_endpoint(document, "device_authorization_endpoint", url),
            revocation=_endpoint(document, "revocation_endpoint", url),
        ),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def is_protected(url: str) -> bool:
    """Whether what is sent there is read by nobody else: https, or this machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or any(not " " < c <= "~" for c in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(parts.hostname))


def json_object(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object that a body is; None for anything else."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else None


def text_in(document: Mapping[str, Any], key: str) -> str:
    """A text of a document, empty where there is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""


def shown(text: str, longest: int = 200) -> str:
    """What a server says, fit for a terminal: on one line, without what could steer it, and not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]


def _endpoint(document: Mapping[str, Any], key: str, url: str) -> str | None:
    address = text_in(document, key)
    if not address:
        return None
    if not is_protected(address):
        raise LoginFailedError(
            Text(
                f"{url} names an address without TLS ({key}: {shown(address)}), to which no login is sent. "
                "Whoever runs the server must mend that; until then set the address in .env (OAUTH_TOKEN_URL and so "
                "on).",
                f"{url} 给出了不使用 TLS 的地址（{key}：{shown(address)}），程序不会向它发送登录信息。"
                "须由该服务器的管理员修正；在此之前，可在 .env 中设置该地址（OAUTH_TOKEN_URL 等）。",
            )
        )
    return address


def _other_issuer(url: str, issuer: str, expected: str) -> ConfigurationError:
    named = shown(issuer)
    return ConfigurationError(
        Text(
            f"{url} is the document of another issuer: it names {named}, where {expected} was due (RFC 8414 section "
            "3.3). Check OAUTH_HOST. For Oracle's identity service use OAUTH_PRESET=idcs; where the issuer is known "
            "and right, set OAUTH_ISSUER to it.",
            f"{url} 属于另一个签发者：其中写的是 {named}，而应为 {expected}（RFC 8414 第 3.3 节）。"
            "请检查 OAUTH_HOST。Oracle 身份服务请使用 OAUTH_PRESET=idcs；"
            "如果确知签发者无误，请把 OAUTH_ISSUER 设为该值。",
        )
    )


def _normal(issuer: str) -> str:
    """An issuer for comparison: without a slash at its end, and without the port that goes without saying."""
    parts = urlsplit(issuer)
    host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"

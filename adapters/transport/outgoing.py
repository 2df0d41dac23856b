"""A request as it leaves, the same over either library: nothing is added that the request does not need."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from domain.errors import NotConnectedError
from domain.http import Headers, HttpRequest, find_header
from domain.words import Text

# Framing and connection belong to the transport (RFC 9110 section 7.6.1), and only the proxy may see its credentials.
OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SLICE_BYTES = 256 * 1024

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5


def user_agent() -> str:
    try:
        return f"oca-gateway/{version('oca-gateway')}"
    except PackageNotFoundError:
        return "oca-gateway"


def outgoing_headers(request: HttpRequest, *, agent: str, closing: bool) -> Headers:
    """The request's headers, checked, with the framing that its body needs.

    `closing` asks the server to close the connection after its answer. Raises NotConnectedError for what HTTP cannot
    carry; the message names the header, never its value.
    """
    if not _TOKEN.fullmatch(request.method):
        raise NotConnectedError(
            Text(
                "The request was not sent: its method is not an HTTP token.", "请求未发送：其方法不是有效的 HTTP 标记。"
            )
        )
    kept = [(name, value.strip(" \t")) for name, value in request.headers if name.lower() not in OWN_HEADERS]
    for name, value in kept:
        if not _TOKEN.fullmatch(name):
            raise NotConnectedError(
                Text(
                    "The request was not sent: the name of a header is not an HTTP token.",
                    "请求未发送：有标头的名称不是有效的 HTTP 标记。",
                )
            )
        if not _FIELD_VALUE.fullmatch(value):
            raise NotConnectedError(
                Text(
                    f"The request was not sent: header {name} holds a character that HTTP forbids.",
                    f"请求未发送：标头 {name} 含有 HTTP 不允许的字符。",
                )
            )
    if find_header(request.headers, "User-Agent") is None:
        kept.append(("User-Agent", agent))
    if find_header(request.headers, "Accept-Encoding") is None:
        kept.append(("Accept-Encoding", "identity"))
    if request.body or request.method in METHODS_WITH_BODY:
        kept.append(("Content-Length", str(len(request.body))))
    if closing:
        kept.append(("Connection", "close"))
    return tuple(kept)


def slices(body: bytes) -> Iterator[bytes]:
    """The body in pieces, so that a write timeout limits each piece and not a whole large upload."""
    for start in range(0, len(body), SLICE_BYTES):
        yield body[start : start + SLICE_BYTES]

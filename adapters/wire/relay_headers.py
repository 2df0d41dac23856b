"""Which header fields travel with a relayed request, and which come back with its answer (RFC 9110 section 7.6.1)."""

from functools import lru_cache

from domain.http import Headers

_CONNECTION = "connection"
_HOP_BY_HOP = {
    _CONNECTION,
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# The caller's credentials are for us; its addresses and browser state are nobody's business upstream.
_NOT_FORWARDED = _HOP_BY_HOP | {
    "accept-encoding",
    "api-key",
    "authorization",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
    "via",
    "x-api-key",
    "x-goog-api-key",
    "x-real-ip",
}
_NOT_FORWARDED_PREFIXES = ("sec-", "x-forwarded-", "access-control-")
# The answer's length and coding are made anew; cookies and security policies are between us and the upstream.
_NOT_RETURNED = _HOP_BY_HOP | {
    "alt-svc",
    "api-key",
    "authorization",
    "content-encoding",
    "content-length",
    "date",
    "server",
    "set-cookie",
    "strict-transport-security",
    "via",
    "www-authenticate",
    "x-accel-buffering",
    "x-api-key",
}
_NOT_RETURNED_PREFIXES = ("access-control-", "content-security-policy", "cross-origin-")
REQUEST_ID = "x-request-id"
UPSTREAM_REQUEST_ID = "x-upstream-request-id"


# A caller sends the same fields with each of its requests.
@lru_cache(256)
def forwarded_request_headers(headers: Headers) -> Headers:
    """The caller's end-to-end fields without credentials; no content coding is asked for, since streams are read."""
    named = _named_by_connection(headers)
    kept = [field for field in headers if _travels(field[0])]
    if named:
        kept = [(name, value) for name, value in kept if name.lower() not in named]
    kept.append(("accept-encoding", "identity"))
    return tuple(kept)


def returned_answer_headers(headers: Headers) -> Headers:
    """The upstream's end-to-end fields; its request id comes back beside ours, under another name."""
    named = _named_by_connection(headers)
    returned = [
        (given, value)
        for name, value in headers
        if (given := _returns_as(name)) is not None and (not named or name.lower() not in named)
    ]
    return tuple(returned)


# The same few names come with every request, and every answer.
@lru_cache(1024)
def _travels(name: str) -> bool:
    lower = name.lower()
    return lower not in _NOT_FORWARDED and not lower.startswith(_NOT_FORWARDED_PREFIXES)


@lru_cache(1024)
def _returns_as(name: str) -> str | None:
    """The name under which an answer's field comes back; None when it does not."""
    lower = name.lower()
    if lower in _NOT_RETURNED or lower.startswith(_NOT_RETURNED_PREFIXES):
        return None
    return UPSTREAM_REQUEST_ID if lower == REQUEST_ID else lower


@lru_cache(1024)
def _is_connection(name: str) -> bool:
    return name.lower() == _CONNECTION


def _named_by_connection(headers: Headers) -> set[str]:
    named: set[str] = set()
    for name, value in headers:
        if _is_connection(name):
            named.update(each.strip().lower() for each in value.split(","))
    return named

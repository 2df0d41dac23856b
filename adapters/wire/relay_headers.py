"""Which header fields travel with a relayed request, and which come back with its answer (RFC 9110 section 7.6.1)."""

from domain.http import Headers

_HOP_BY_HOP = {
    "connection",
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


def forwarded_request_headers(headers: Headers) -> Headers:
    """The caller's end-to-end fields without credentials; no content coding is asked for, since streams are read."""
    named = _named_by_connection(headers)
    kept = tuple(
        (name, value)
        for name, value in headers
        if (lower := name.lower()) not in _NOT_FORWARDED
        and lower not in named
        and not lower.startswith(_NOT_FORWARDED_PREFIXES)
    )
    return (*kept, ("accept-encoding", "identity"))


def returned_answer_headers(headers: Headers) -> Headers:
    """The upstream's end-to-end fields; its request id comes back beside ours, under another name."""
    named = _named_by_connection(headers)
    return tuple(
        (UPSTREAM_REQUEST_ID if lower == REQUEST_ID else lower, value)
        for name, value in headers
        if (lower := name.lower()) not in _NOT_RETURNED
        and lower not in named
        and not lower.startswith(_NOT_RETURNED_PREFIXES)
    )


def _named_by_connection(headers: Headers) -> set[str]:
    values = ",".join(value for name, value in headers if name.lower() == "connection")
    return {name.strip().lower() for name in values.split(",") if name.strip()}

"""The bytes of an answer: its head, and the pieces of a stream (RFC 9112 sections 4, 5 and 7.1)."""

from collections.abc import Sequence

from adapters.http_api.caller import STREAM_HEADERS
from adapters.http_api.relayed_answer import OURS
from adapters.wire.relay_headers import REQUEST_ID, returned_answer_headers
from domain.http import Headers

LAST_CHUNK = b"0\r\n\r\n"
# Of every stream.
STREAM_FIELDS = b"".join(b"%b: %b\r\n" % field for field in STREAM_HEADERS) + b"transfer-encoding: chunked\r\n"


def returned_fields(headers: Headers) -> list[tuple[str, str]]:
    """The upstream's fields that the caller gets, but for those that are made here."""
    return [field for field in returned_answer_headers(headers) if field[0] not in OURS]


def head(
    status_line: bytes,
    fields: Sequence[tuple[str, str]],
    *,
    request_id: str,
    closing: bool,
    more: bytes = b"",
) -> bytes:
    """`status_line` and `more` are finished lines; with `closing`, this is the connection's last answer."""
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    lines.append(f"{REQUEST_ID}: {request_id}\r\n")
    if closing:
        lines.append("connection: close\r\n")
    return b"".join((status_line, "".join(lines).encode("latin-1", "replace"), more, b"\r\n"))


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)

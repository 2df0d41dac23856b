"""Undoing the content codings of RFC 9110 section 8.4.1: gzip and deflate, the two that every server knows."""

import zlib
from collections.abc import Iterator

from domain.http import Headers

MAX_PIECE_BYTES = 256 * 1024
GZIP = 16 + zlib.MAX_WBITS
RAW_DEFLATE = -zlib.MAX_WBITS
ZLIB_HEADER_BYTES = 2


class ContentDecoder:
    """Undoes one coding, piece by piece. Every method raises zlib.error when the body is not what it declares."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._begun = False
        self._head = b""
        self._inflater = zlib.decompressobj(GZIP) if gzip else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """All that can be told of the body so far, in pieces of bounded size, however well it was compressed."""
        self._begun = True
        if self._inflater is None:
            self._head += data
            if len(self._head) < ZLIB_HEADER_BYTES:
                return
            data, self._inflater = self._head, zlib.decompressobj(_deflate_window(self._head))
        while True:
            piece = self._inflater.decompress(data, MAX_PIECE_BYTES)
            if piece:
                yield piece
            if self._inflater.eof:
                data = self._inflater.unused_data
                if not self._gzip or not data.startswith(b"\x1f"):
                    return  # what follows the last member is padding
                self._inflater = zlib.decompressobj(GZIP)  # RFC 1952 section 2.2: members follow each other
            else:
                data = self._inflater.unconsumed_tail
                if not data and len(piece) < MAX_PIECE_BYTES:
                    return

    def finish(self) -> None:
        """The body has ended: was it whole? An empty one is, since a 204 or 304 may declare a coding."""
        if self._begun and (self._inflater is None or not self._inflater.eof):
            raise zlib.error("the compressed body ends before its end")


def undo_coding(headers: Headers) -> tuple[Headers, ContentDecoder | None]:
    """The headers of the body once it is decoded, and the decoder, if its coding is a known one.

    Content-Encoding and Content-Length describe the body that was sent, so they go. A coding that is not known stays
    declared and undone by nobody.
    """
    declared = [value for name, value in headers if name.lower() == "content-encoding"]
    codings = [word for value in declared for part in value.split(",") if (word := part.strip().lower()) != "identity"]
    if codings not in (["gzip"], ["x-gzip"], ["deflate"]):
        return headers, None
    dropped = {"content-encoding", "content-length"}
    kept = tuple((name, value) for name, value in headers if name.lower() not in dropped)
    return kept, ContentDecoder(gzip=codings != ["deflate"])


def _deflate_window(head: bytes) -> int:
    """`deflate` is zlib's format (RFC 1950), but some servers send the raw one (RFC 1951)."""
    is_zlib = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if is_zlib else RAW_DEFLATE

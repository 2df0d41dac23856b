"""What arrives on a connection, made into an answer by httptools.

The exchange under way looks at these fields and takes the pieces out itself; there is no queue and no task between the
socket and the reader.
"""

import re
from collections import deque
from enum import Enum, auto
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES = 64 * 1024  # of all heads of an exchange, informational ones and trailers included
MAX_UNTOLD_BYTES = 128 * 1024  # before there is an answer: also of what the parser passes over, or has not told yet
MAX_FIELDS = 200
FIRST_STATUS = 100
SWITCHING_PROTOCOLS = 101
FIRST_FINAL_STATUS = 200

NO_ANSWER = "the server closed it without an answer"
CUT_SHORT = "the answer ended before it was complete"
NOT_HTTP = "the answer is not valid HTTP"

_TIMEOUT = re.compile(rb"timeout\s*=\s*([0-9]{1,6})", re.IGNORECASE)
# Of the names that `_look_at` knows: most fields are passed by without a comparison.
_TELLING_SIZES = frozenset(
    {len("keep-alive"), len("content-length"), len("content-encoding"), len("transfer-encoding")}
)


class Phase(Enum):
    """How far the exchange of a connection has come."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()
    LOST = auto()


# Looked up as globals: several of them are asked for each piece.
IDLE: Final = Phase.IDLE
HEAD: Final = Phase.HEAD
BODY: Final = Phase.BODY
WHOLE: Final = Phase.WHOLE
LOST: Final = Phase.LOST


class UnwantedError(Exception):
    """An answer that is HTTP, and is refused all the same. Raised through the parser, which stops there."""


class Arrivals:
    """The answer of the exchange under way. It is `answered` once its head has come, `coded` if its body is.

    `broken` and `how` tell why it is not whole: the error, and the words for it where it has none. `keep` tells whether
    the connection may carry another one, `keep_s` for how long at most, where the server said so.
    """

    def __init__(self) -> None:
        self.phase = IDLE
        self.answered = False
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[str, str]] = []
        self.coded = False
        self.pieces: deque[bytes] = deque()
        self.unread_bytes: int = 0
        self.broken: Exception | None = None
        self.how = NO_ANSWER
        self.keep = False
        self.keep_s: float | None = None
        self._parser = HttpResponseParser(self)
        self._head_left = 0
        self._untold_left = 0
        self._fields_left = 0
        self._informational = False
        self._bodiless = False
        self._framed = False

    def begin(self, *, bodiless: bool) -> None:
        """An exchange begins. To a `bodiless` request, HEAD, an answer has none, whatever its head says."""
        self.phase = HEAD
        self.headers = []
        self.pieces = deque()
        self.reason = b""
        self.how = NO_ANSWER
        self.answered = self.coded = self._informational = self._framed = False
        self.unread_bytes = 0
        self.keep_s = None
        self._bodiless = bodiless
        self._head_left = MAX_HEAD_BYTES
        self._untold_left = MAX_UNTOLD_BYTES
        self._fields_left = MAX_FIELDS

    def feed(self, data: bytes) -> bool:
        """Whether the connection can go on. An answer that is whole stays so, whatever follows it."""
        self.how = CUT_SHORT
        try:
            self._parser.feed_data(data)
            if self.phase is HEAD:
                self._untold_left -= len(data)
                if self._untold_left < 0:
                    raise UnwantedError  # noqa: TRY301 - as the parser's callbacks do
        except (HttpParserError, HttpParserUpgrade, UnwantedError) as error:
            if self.phase is not WHOLE:
                self.broken = error
                self.how = NOT_HTTP
            return False
        return True

    def end(self, error: Exception | None) -> None:
        """Nothing more will come: in good order, or because of `error`."""
        if self.phase is BODY and not self._framed and error is None:
            self.phase = WHOLE  # RFC 9112 section 6.3: the end of the connection is the end of the body
        elif self.phase is not WHOLE:
            self.phase = LOST
            self.broken = self.broken or error or EOFError()
        self.keep = False

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self.phase is not HEAD:
            raise UnwantedError  # a second answer

    def on_status(self, reason: bytes) -> None:
        self.reason += reason
        self._head_left -= len(reason)
        if self._head_left < 0:
            raise UnwantedError

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields_left -= 1
        self._head_left -= len(name) + len(value)
        if self._fields_left < 0 or self._head_left < 0:
            raise UnwantedError
        if self.phase is not HEAD:
            self.keep = False  # a trailer: told to nobody, and never to be mixed up with the next head
            return
        if len(name) in _TELLING_SIZES:
            self._look_at(name.lower(), value)
        self.headers.append((name.decode("latin-1"), value.rstrip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        self.status = status = parser.get_status_code()
        if status < FIRST_FINAL_STATUS:
            # An upgrade nobody asked for; and nothing informational has a body.
            if status < FIRST_STATUS or status == SWITCHING_PROTOCOLS or self._framed:
                raise UnwantedError
            self._informational = True
            return
        self.answered = True
        self.keep = parser.should_keep_alive()
        self.phase = BODY
        if self._bodiless:
            self.phase = WHOLE
            self.keep = False
            raise UnwantedError  # the parser would wait for the body that such a head describes

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.unread_bytes += len(piece)

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
            self.headers = []
            self.reason = b""
        else:
            self.phase = WHOLE

    def _look_at(self, name: bytes, value: bytes) -> None:
        """A field that tells something about the body or the connection; `name` is in lower case."""
        match name:
            case b"content-length":  # that it is a number, and the only one, the parser sees to
                self._framed = True
            case b"transfer-encoding":
                if self._framed or value.strip().lower() != b"chunked":
                    raise UnwantedError
                self._framed = True
            case b"content-encoding":
                self.coded = True
            case b"keep-alive" if (told := _TIMEOUT.search(value)) is not None:
                # A second before the server closes it, a request would cross with the end of the connection.
                self.keep_s = int(told[1]) - 1.0
            case _:
                pass

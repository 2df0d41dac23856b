"""Our access token, taken out of what an upstream says: some repeat it in an error."""

from domain.http import Headers

# One so short that plain words may hold it is left alone.
SHORTEST_SECRET_CHARACTERS = 12
MASK = b"***"
# How much of a token has to stand at the end of a piece to be looked for in its middle: fewer bytes stand anywhere.
_SIGN_BYTES = 3


def concealed(body: bytes, token: str) -> bytes:
    """A whole body without our token."""
    if len(token) < SHORTEST_SECRET_CHARACTERS:
        return body
    secret = token.encode()
    return body.replace(secret, MASK) if secret in body else body


def without_token(headers: Headers, token: str) -> Headers:
    """The fields of an answer that do not hold our token."""
    if len(token) < SHORTEST_SECRET_CHARACTERS or not any(token in value for _, value in headers):
        return headers
    return tuple((name, value) for name, value in headers if token not in value)


class Concealer:
    """Takes our token out of a body in pieces, wherever they are cut.

    What may be the beginning of the token is `held` back until the next piece; nearly always there is nothing.
    """

    __slots__ = ("_secret", "held")

    def __init__(self, token: str) -> None:
        self._secret = token.encode() if len(token) >= SHORTEST_SECRET_CHARACTERS else b""
        self.held = b""

    def feed(self, piece: bytes) -> bytes:
        """What of it may go on; may be empty."""
        secret = self._secret
        if self.held:
            piece = self.held + piece
            self.held = b""
        if secret in piece and secret:
            piece = piece.replace(secret, MASK)
        # Nearly all pieces end with a character that no token has.
        if piece[-1:] not in secret:
            return piece
        size = _beginning_at_end(piece, secret) if secret else 0
        if size:
            self.held = piece[-size:]
            return piece[:-size]
        return piece

    def rest(self) -> bytes:
        """What was held back, at the end of the body."""
        held, self.held = self.held, b""
        return held


def _beginning_at_end(piece: bytes, secret: bytes) -> int:
    """How many bytes at the end of a piece are the beginning of the secret."""
    sign = secret[:_SIGN_BYTES]
    at = piece.find(sign, max(0, len(piece) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(piece[at:]):
            return len(piece) - at
        at = piece.find(sign, at + 1)
    for size in range(_SIGN_BYTES - 1, 0, -1):
        if piece.endswith(secret[:size]):
            return size
    return 0

"""Refusals by the names that the OAuth 2.0 standards give them."""


class OAuthError(Exception):
    """An error answer of RFC 6749 section 5.2, or of a standard that adds names to it."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


class GrantRefusedError(OAuthError):
    """`invalid_grant`; `reused` when a spent refresh token came back."""

    def __init__(self, why: str, *, reused: bool = False) -> None:
        super().__init__("invalid_grant", why)
        self.reused = reused

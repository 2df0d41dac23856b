"""A login as the three values of a `.env` file that this program manages."""

from collections.abc import Mapping
from datetime import UTC

from domain.tokens import TokenSet, parse_expires_at

REFRESH_TOKEN = "OAUTH_REFRESH_TOKEN"  # noqa: S105 - the names of settings, not their values
ACCESS_TOKEN = "OAUTH_ACCESS_TOKEN"  # noqa: S105
EXPIRES_AT = "OAUTH_ACCESS_TOKEN_EXPIRES_AT"
MANAGED_KEYS = (REFRESH_TOKEN, ACCESS_TOKEN, EXPIRES_AT)


def token_set(values: Mapping[str, str]) -> TokenSet:
    """The login that these values are; what is empty, or no time, is None."""

    def token(key: str) -> str | None:
        value = values.get(key, "")
        return value if value.strip() else None

    return TokenSet(
        refresh_token=token(REFRESH_TOKEN),
        access_token=token(ACCESS_TOKEN),
        expires_at=parse_expires_at(values.get(EXPIRES_AT, "")),
    )


def values_of(tokens: TokenSet, stored: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values that a login is, in the order in which absent ones are appended.

    The time stays as it is `stored`, when it is the same one.
    """
    written = (stored or {}).get(EXPIRES_AT, "")
    if parse_expires_at(written) != tokens.expires_at:
        written = "" if tokens.expires_at is None else tokens.expires_at.astimezone(UTC).isoformat()
    return {REFRESH_TOKEN: tokens.refresh_token or "", ACCESS_TOKEN: tokens.access_token or "", EXPIRES_AT: written}

"""What `oca token` prints: a valid access token, and how long it lasts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from config.container import Container
from domain.flows import access_token_flow
from domain.words import Text
from entrypoints.moments import span_told


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidToken:
    """A token that can be used now; `expires_at` is None where nobody knows its end, as of a key."""

    access_token: str = field(repr=False)
    expires_at: datetime | None
    expires_in: timedelta | None

    def document(self) -> dict[str, object]:
        """As JSON: the time in UTC, the duration in seconds; null is unknown."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_at": None if self.expires_at is None else self.expires_at.astimezone(UTC).isoformat(),
            "expires_in_s": None if self.expires_in is None else round(self.expires_in.total_seconds(), 3),
        }


def valid_token(container: Container, min_ttl: timedelta | None) -> ValidToken:
    """A token that lasts `min_ttl`, renewed first if it must be; a shorter one where none does. Raises TokenError."""
    flow = access_token_flow(container.credential(), wait_when_stale=True, min_ttl=min_ttl)
    access_token = container.blocking_driver().run(flow)
    expires_at = None
    if container.settings().llm_api_key is None:
        tokens = container.store().load()
        # Another process may have renewed it since; the one that we hold is good all the same.
        expires_at = tokens.expires_at if tokens.access_token == access_token else None
    return ValidToken(
        access_token=access_token,
        expires_at=expires_at,
        expires_in=None if expires_at is None else expires_at - container.clock().now(),
    )


def too_short(token: ValidToken, min_ttl: timedelta | None) -> Text | None:
    """The warning that a token lasts shorter than was asked for; None when it does not, or nobody knows."""
    if min_ttl is None or token.expires_in is None or token.expires_in >= min_ttl:
        return None
    left, wanted = span_told(token.expires_in), span_told(min_ttl)
    return Text(
        f"Warning: the token lasts only {left.en}, and not the {wanted.en} that --min-ttl asks for: the server's "
        "tokens are shorter, or this one could not be renewed. See: oca status",
        f"警告：该令牌的有效期只剩 {left.zh}，达不到 --min-ttl 要求的 {wanted.zh}：服务器签发的令牌有效期更短，或者令牌"
        "未能续期。请查看：oca status",
    )

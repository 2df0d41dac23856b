"""What is worth knowing of a login beyond its tokens. It names them by their fingerprints."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from domain.tokens import Attempt, Setback, TokenSet, fingerprint, parse_expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """`issued_at` belongs to the access token with the fingerprint `access_token`, the rest to a refresh token."""

    access_token: str = ""
    issued_at: datetime | None = None
    setback: Setback | None = None
    attempt: Attempt | None = None

    @classmethod
    def of(cls, tokens: TokenSet) -> "Notebook":
        name = "" if tokens.access_token is None else fingerprint(tokens.access_token)
        return cls(
            access_token=name,
            issued_at=tokens.issued_at if name else None,
            setback=tokens.setback,
            attempt=tokens.attempt,
        )

    @classmethod
    def decode(cls, data: bytes) -> "Notebook":
        """Read what `encode` wrote; whatever else it is counts as an empty notebook."""
        return cls.of_document(_json_object(data))

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Notebook":
        """What `document` gave; whatever is spoilt in it is not noted."""
        name = document.get("access_token")
        return cls(
            access_token=name if isinstance(name, str) else "",
            issued_at=_moment(document.get("issued_at")),
            setback=_setback(document.get("setback")),
            attempt=_attempt(document.get("attempt")),
        )

    def encode(self) -> bytes:
        """One line, without its end."""
        return json.dumps(self.document()).encode("ascii")

    def document(self) -> dict[str, object]:
        """As a JSON object."""
        setback, attempt = self.setback, self.attempt
        return {
            "access_token": self.access_token,
            "issued_at": None if self.issued_at is None else self.issued_at.isoformat(),
            "setback": None
            if setback is None
            else {
                "refresh_token": setback.fingerprint,
                "reason": setback.reason,
                "at": setback.at.isoformat(),
                "until": None if setback.until is None else setback.until.isoformat(),
                "attempts": setback.attempts,
            },
            "attempt": None
            if attempt is None
            else {
                "refresh_token": attempt.fingerprint,
                "at": attempt.at.isoformat(),
                "unanswered": attempt.unanswered,
            },
        }

    def applied_to(self, tokens: TokenSet) -> TokenSet:
        """The same set with what is noted of its tokens."""
        return replace(
            tokens,
            issued_at=self.issued_at_of(tokens.access_token) or tokens.issued_at,
            setback=self.setback_of(tokens.refresh_token) or tokens.setback,
            attempt=self.attempt_of(tokens.refresh_token) or tokens.attempt,
        )

    def issued_at_of(self, access_token: str | None) -> datetime | None:
        if access_token is None or fingerprint(access_token) != self.access_token:
            return None
        return self.issued_at

    def setback_of(self, refresh_token: str | None) -> Setback | None:
        if refresh_token is None or self.setback is None or fingerprint(refresh_token) != self.setback.fingerprint:
            return None
        return self.setback

    def attempt_of(self, refresh_token: str | None) -> Attempt | None:
        if refresh_token is None or self.attempt is None or fingerprint(refresh_token) != self.attempt.fingerprint:
            return None
        return self.attempt


def _json_object(data: bytes) -> Mapping[str, Any]:
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}


def _moment(value: object) -> datetime | None:
    return parse_expires_at(value) if isinstance(value, str) else None


def _setback(value: object) -> Setback | None:
    if not isinstance(value, dict):
        return None
    document = cast("Mapping[str, Any]", value)
    name, reason, attempts = document.get("refresh_token"), document.get("reason"), document.get("attempts")
    at, until = _moment(document.get("at")), _moment(document.get("until"))
    if not isinstance(name, str) or not isinstance(reason, str) or not isinstance(attempts, int) or at is None:
        return None
    if until is None and document.get("until") is not None:
        # None would mean that the token is dead for good.
        return None
    return Setback(fingerprint=name, reason=reason, at=at, until=until, attempts=max(attempts, 1))


def _attempt(value: object) -> Attempt | None:
    if not isinstance(value, dict):
        return None
    document = cast("Mapping[str, Any]", value)
    name, at, unanswered = document.get("refresh_token"), _moment(document.get("at")), document.get("unanswered")
    if not isinstance(name, str) or at is None or not isinstance(unanswered, int) or unanswered < 1:
        return None
    return Attempt(fingerprint=name, at=at, unanswered=unanswered)

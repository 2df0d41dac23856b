"""The newest login as the sidecar of a `.env` file holds it, and what tells it from an older one in that file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from adapters.token_store.notebook import Notebook
from domain.tokens import TokenSet, fingerprint, parse_expires_at

# As many rotations as an old copy of the file may lie behind.
_MOST_SPENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A login, and its way into `.env`.

    `spent` holds the fingerprints of the refresh tokens that were replaced after they had been sent to the server, or
    refused by it, the latest last. `covers` is the fingerprint of the one that `.env` showed when this login was noted,
    empty for none: it says nothing any more once the login has `reached` the file. While that is being overwritten in
    place, it can show a mixture of the old refresh token and the new one, which nobody has put there.
    """

    tokens: TokenSet = field(default_factory=TokenSet)
    spent: tuple[str, ...] = ()
    covers: str = ""
    reached: bool = True
    overwriting: bool = False

    @classmethod
    def decode(cls, data: bytes) -> "Journal":
        """Read what `encode` wrote; whatever else it is counts as an empty journal."""
        document = _json_object(data)
        login, spent = document.get("login"), document.get("spent")
        covers, reached = document.get("covers"), document.get("reached")
        if not isinstance(login, dict) or not isinstance(covers, str) or not isinstance(reached, bool):
            return cls()
        notes = document.get("notes")
        notebook = Notebook.of_document(cast("Mapping[str, Any]", notes) if isinstance(notes, dict) else {})
        return cls(
            tokens=notebook.applied_to(_login(cast("Mapping[str, Any]", login))),
            spent=_texts(spent),
            covers=covers,
            reached=reached,
            overwriting=document.get("overwriting") is True,
        )

    def encode(self) -> bytes:
        """One line, without its end."""
        tokens = self.tokens
        login = {
            "refresh_token": tokens.refresh_token,
            "access_token": tokens.access_token,
            "expires_at": None if tokens.expires_at is None else tokens.expires_at.isoformat(),
        }
        document = {
            "login": login,
            "notes": Notebook.of(tokens).document(),
            "spent": self.spent,
            "covers": self.covers,
            "reached": self.reached,
            "overwriting": self.overwriting,
        }
        return json.dumps(document).encode("ascii")

    def outdates(self, shown: TokenSet) -> bool:
        """Whether this login counts, and not the one that `.env` shows.

        A refresh token that is unknown here was put there by a person, and counts. None at all is a logout by hand, or
        a file that this login has never reached.
        """
        refresh_token = shown.refresh_token
        if refresh_token is None or refresh_token == self.tokens.refresh_token:
            return not self.reached
        name = fingerprint(refresh_token)
        return name in self.spent or (not self.reached and (self.overwriting or name == self.covers))

    def seen_over(self, shown: TokenSet) -> TokenSet:
        """The login that counts where `.env` shows this one, with what is noted of it."""
        return self.tokens if self.outdates(shown) else Notebook.of(self.tokens).applied_to(shown)

    def followed_by(self, tokens: TokenSet, *, spent: Iterable[str], covers: str | None) -> "Journal":
        """The journal of the next state of the login, or of the next login, on its way into a file.

        `covers` is the refresh token that the file shows.
        """
        own = None if tokens.refresh_token is None else fingerprint(tokens.refresh_token)
        names = dict.fromkeys(each for each in (*self.spent, *spent) if each != own)
        return Journal(
            tokens=_with_own_notes(tokens, own),
            spent=tuple(names)[-_MOST_SPENT:],
            covers="" if covers is None else fingerprint(covers),
            reached=False,
        )

    def arrived(self) -> "Journal":
        """The same journal, once the file has the login."""
        return replace(self, covers="", reached=True, overwriting=False)

    def says_the_same(self, other: "Journal") -> bool:
        """Whether both name the same login and the same spent refresh tokens, however far it has come."""
        return self.tokens == other.tokens and self.spent == other.spent


def is_spent(tokens: TokenSet) -> bool:
    """Whether the refresh token was sent without an answer that says that it is still good, or was refused."""
    setback, refresh_token = tokens.setback, tokens.refresh_token
    if setback is None or setback.until is not None or refresh_token is None:
        return tokens.unanswered > 0
    return tokens.unanswered > 0 or setback.fingerprint == fingerprint(refresh_token)


def _with_own_notes(tokens: TokenSet, name: str | None) -> TokenSet:
    return replace(
        tokens,
        issued_at=None if tokens.access_token is None else tokens.issued_at,
        setback=tokens.setback if tokens.setback is not None and tokens.setback.fingerprint == name else None,
        attempt=tokens.attempt if tokens.attempt is not None and tokens.attempt.fingerprint == name else None,
    )


def _login(document: Mapping[str, Any]) -> TokenSet:
    return TokenSet(
        refresh_token=_text(document.get("refresh_token")),
        access_token=_text(document.get("access_token")),
        expires_at=_moment(document.get("expires_at")),
    )


def _json_object(data: bytes) -> Mapping[str, Any]:
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(each for each in cast("list[object]", value) if isinstance(each, str))


def _moment(value: object) -> datetime | None:
    return parse_expires_at(value) if isinstance(value, str) else None

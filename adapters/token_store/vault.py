"""What every home of a login has in common, whatever it is kept in: who may replace what, and what memory is for."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar

from domain.errors import TokenStoreError
from domain.tokens import TokenSet
from domain.words import Text

H = TypeVar("H")


class VaultAwayError(TokenStoreError):
    """Nobody answers there. What was asked may have been done all the same."""


class HoldLostError(TokenStoreError):
    """The hold ended before it was released, and somebody else has held the vault since: nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a vault holds. `version` is the same only for the same refresh token; None means that there is nothing.

    A login that was ended on purpose is something: a version, and no refresh token.
    """

    tokens: TokenSet
    version: str | None = field(repr=False)


class Vault(Protocol[H]):
    """A place outside this process that keeps one login, and lets one holder at a time in. All raise TokenStoreError.

    VaultAwayError where nobody answers, HoldLostError where a hold has ended before its time.
    """

    @property
    def place(self) -> Text:
        """The vault as a message calls it; no secret."""
        ...

    def read(self) -> Stored: ...

    def write(self, hold: H, tokens: TokenSet, *, parent: Stored | None) -> Stored | None:
        """Replace what is there, in one step; None when that is not `parent` any more. No parent: whatever is there.

        Returns what is there now: the notes on the tokens may be missing from it, the tokens never.
        """
        ...

    def prove(self, hold: H | None) -> None:
        """Raise unless `write` can be expected to work for as long as one request to a token endpoint takes."""
        ...

    def acquire(self, wait: timedelta) -> H | None:
        """A hold that excludes everybody else, or None when there is none within `wait`."""
        ...

    def release(self, hold: H) -> None:
        """Never raises."""
        ...

"""Where a login lives."""

from contextlib import AbstractContextManager
from typing import Protocol

from domain.tokens import TokenSet
from domain.words import Text


class TokenStore(Protocol):
    """Keeps one login for all threads, tasks and processes that share it. Safe to call from any thread."""

    def load(self) -> TokenSet:
        """What is stored now, edits by hand and by other processes included. Raises TokenStoreError."""
        ...

    def current(self) -> TokenSet | None:
        """What `load` would return, where that is known without reading (at most a `stat`); else None."""
        ...

    def save(self, tokens: TokenSet) -> None:
        """Make `tokens` durable in one atomic step; to be called while holding `exclusive`.

        Where storing fails, the tokens live on in memory: `load` returns them, and every later `load` or `save` tries
        to write them, until that succeeds or the refresh token in the store is changed by someone else. Raises
        TokenStoreError when the tokens themselves could not be stored; a setback that could not be is not an error.
        """
        ...

    def prove_storable(self) -> None:
        """Raise TokenStoreError unless `save` can be expected to work, before a refresh token is spent."""
        ...

    def trouble(self) -> Text | None:
        """Why the newest login is not where it belongs, and what to do; None when all is well."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the store alone, against other threads and processes.

        The lock of a dead holder is free at once. Raises TokenStoreError when the wait exceeds the store's limit.
        """
        ...

"""A token store in memory."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from domain.errors import TokenStoreError
from domain.tokens import TokenSet, fingerprint
from domain.words import Text


class FakeTokenStore:
    """Keeps the whole contract of the port, for threads.

    `stored` is what a file would hold; assign it to play a person who edits it. `storable` says whether storing works,
    `fail_next_save` makes one save fail. `saved` lists every set that `save` was given, stored or not.
    """

    def __init__(self, tokens: TokenSet | None = None, *, lock_timeout: timedelta = timedelta(seconds=10)) -> None:
        self.stored = tokens or TokenSet()
        self.saved: list[TokenSet] = []
        self.storable = True
        self.fail_next_save = False
        self.lock_timeout = lock_timeout
        self._exclusive = threading.Lock()
        self._holder: int | None = None
        self._loaded: list[TokenSet] = []
        self._mutex = threading.RLock()
        self._unsaved: tuple[TokenSet, str | None] | None = None

    def load(self) -> TokenSet:
        with self._mutex:
            self._settle()
            tokens = self._seen()
            if self._holder == threading.get_ident():
                self._loaded.append(tokens)
            return tokens

    def current(self) -> TokenSet | None:
        with self._mutex:
            return self._seen() if self._unsaved is None else None

    def save(self, tokens: TokenSet) -> None:
        with self._mutex:
            self.saved.append(tokens)
            loaded, stored = list(self._loaded), self.stored.refresh_token
            self._loaded.append(tokens)
            if loaded and _login(loaded[-1]) == _login(tokens):
                self._save_setback(tokens)
                return
            replaceable = {None, tokens.refresh_token, *(each.refresh_token for each in loaded)}
            if self._unsaved is not None:
                replaceable.add(self._unsaved[1])
            if loaded and stored not in replaceable:
                self._unsaved = None
                raise TokenStoreError("The refresh token was replaced by somebody else; that one is kept.")
            if not self.storable or self.fail_next_save:
                self.fail_next_save = False
                self._unsaved = (tokens, stored)
                raise TokenStoreError("The tokens could not be stored.")
            self.stored, self._unsaved = tokens, None

    def prove_storable(self) -> None:
        if not self.storable:
            raise TokenStoreError("The tokens could not be stored.")

    def trouble(self) -> Text | None:
        return None if self._unsaved is None else Text("The tokens could not be stored.", "无法保存令牌。")

    @contextmanager
    def exclusive(self) -> Generator[None]:
        if not self._exclusive.acquire(timeout=self.lock_timeout.total_seconds()):
            raise TokenStoreError("The store is locked.")
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._holder, self._loaded = None, []
            self._exclusive.release()

    def _save_setback(self, tokens: TokenSet) -> None:
        if self._unsaved is not None:
            self._unsaved = (tokens, self._unsaved[1])
            self._settle()
        elif _login(self.stored) == _login(tokens):
            self.stored = tokens

    def _settle(self) -> None:
        if self._unsaved is None:
            return
        tokens, parent = self._unsaved
        if self.stored.refresh_token not in {None, parent, tokens.refresh_token}:
            self._unsaved = None
        elif self.storable:
            self.stored, self._unsaved = tokens, None

    def _seen(self) -> TokenSet:
        tokens = self._unsaved[0] if self._unsaved is not None else self.stored
        name = None if tokens.refresh_token is None else fingerprint(tokens.refresh_token)
        if tokens.setback is not None and tokens.setback.fingerprint != name:
            tokens = replace(tokens, setback=None)
        if tokens.attempt is not None and tokens.attempt.fingerprint != name:
            tokens = replace(tokens, attempt=None)
        return tokens


def _login(tokens: TokenSet) -> TokenSet:
    return replace(tokens, issued_at=None, setback=None, attempt=None)

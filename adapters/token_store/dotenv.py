"""The login in a `.env` file, shared by every thread and process on one machine."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import get_ident

from adapters.token_store.env_text import EnvTextError, read_values, replace_values
from adapters.token_store.files import (
    Files,
    Stamp,
    content_or_empty,
    prove_replaceable,
    replace_content,
    stamp,
    stat_or_none,
)
from adapters.token_store.managed_keys import MANAGED_KEYS, REFRESH_TOKEN, token_set, values_of
from adapters.token_store.notebook import Notebook, read_notebook
from adapters.token_store.sidecar import Hold, SidecarLock, sidecar_of
from adapters.token_store.troubles import store_error
from domain.errors import TokenStoreError
from domain.tokens import TokenSet

# Longer than the slowest refresh: a connection over two routes, and 30 s for the answer.
DEFAULT_LOCK_TIMEOUT = timedelta(seconds=90)
# How often `current` lets a caller through to `load`, which tries to store what could not be stored before.
_RETRY_UNSAVED_AFTER = timedelta(seconds=1)
# An editor that writes in place empties the file first; these are its chances to go on.
_REREADS = 4
_REREAD_PAUSE = timedelta(milliseconds=5)
# More than three long tokens take.
_ROOM_FOR_TOKENS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What was read, and how the files looked just before: older than their content at worst, never newer."""

    target: Path
    stamps: tuple[Stamp, Stamp]
    tokens: TokenSet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsaved:
    """A login that could not be stored. `parent` is the refresh token that the file still holds in its place."""

    tokens: TokenSet
    parent: str | None = field(repr=False)
    retry_at_s: float
    why: str | None = None

    def is_superseded(self, refresh_token: str | None) -> bool:
        """Whether the file holds another login by now. A file without any is taken for one being written."""
        return refresh_token is not None and refresh_token not in {self.parent, self.tokens.refresh_token}


class DotenvTokenStore:
    """Keeps a login in three keys of a `.env` file, and its lock and notebook in `<real path of .env>.lock`.

    What is kept, with processes that all use this class on one machine and a local file system:

    - One refresh at a time: the lock excludes threads and processes, and the kernel frees it when its holder dies.
    - `.env` is whole at any moment, before or after a save, also after kill -9 or a loss of power; a save that has
      returned survives both. Everything else in the file, and its mode, stays as it is. Where the file cannot be
      renamed onto (mounted by itself into a container), it is overwritten in place, in one call of the operating
      system for a file of usual size: then a loss of power in that very moment can leave lines old and new.
    - A login that was bought and could not be stored lives on in the memory of this process, and in it alone, until a
      later `load` or `save` succeeds; `prove_storable` makes this rare.
    - A refresh token that somebody else writes into the file while a refresh is under way is not overwritten.

    What no client can keep: once the server has rotated the refresh token, the new one exists only in its answer. Who
    dies (or loses the connection) between that moment and the rename of the saved file leaves a spent refresh token
    behind. A server that accepts the previous one for a while, as FAPI 2.0 section 5.3.2.1 demands, forgives it.

    Values are read as python-dotenv reads them, `${NAME}` resolved, and written so that it reads them back unchanged.
    `seed_refresh_token` is taken, once, when the file holds no refresh token.
    """

    def __init__(
        self,
        *,
        path: Path,
        lock_timeout: timedelta = DEFAULT_LOCK_TIMEOUT,
        seed_refresh_token: str | None = None,
        files: Files | None = None,
    ) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._seed = seed_refresh_token or None
        self._files = files or Files()
        self._lock = SidecarLock(self._files)
        # Values that are replaced whole and never changed: threads need no lock of ours, and a fork can break none.
        self._snapshot: _Snapshot | None = None
        self._unsaved: _Unsaved | None = None
        self._unnoted: Notebook | None = None

    def load(self) -> TokenSet:
        """As the port says; a missing file is an empty set. Reads only what has changed; never waits for the lock."""
        hold = self._own_hold()
        if self._seed is not None:
            self._take_seed(self._seed)
        if self._unsaved is not None:
            self._retry_unsaved()
        snapshot = self._snapshot
        try:
            # Two saves within one tick of the file system's clock can look the same; under the lock that must not be.
            if hold is not None or snapshot is None or self._stamps(snapshot.target, self._path) != snapshot.stamps:
                snapshot = self._read()
        except (OSError, EnvTextError) as error:
            if self._unsaved is not None:
                return self._unsaved.tokens
            raise store_error("be read from", self._path, error) from error
        tokens = self._seen(snapshot)
        if hold is not None:
            hold.loaded.append(tokens)
        return tokens

    def current(self) -> TokenSet | None:
        """As the port says. None also when it is time to try again to store what could not be stored."""
        snapshot, unsaved = self._snapshot, self._unsaved
        if snapshot is None or self._seed is not None:
            return None
        if unsaved is not None and time.monotonic() >= unsaved.retry_at_s:
            return None
        try:
            unchanged = self._stamps(snapshot.target, self._path) == snapshot.stamps
        except OSError:
            return None
        return self._seen(snapshot) if unchanged else None

    def save(self, tokens: TokenSet) -> None:
        """As the port says; also raises TokenStoreError when somebody else has put another login into the file."""
        hold = self._lock.held
        if hold is None:
            with self.exclusive():
                self.save(tokens)
            return
        unsaved, loaded = self._unsaved, tuple(hold.loaded)
        hold.loaded.append(tokens)
        if not loaded:
            # Nothing was looked at, so nothing can have changed meanwhile: this is meant to replace what there is.
            self._store(hold, tokens, replaceable=None)
        else:
            replaceable = {each.refresh_token for each in loaded}
            if unsaved is not None:
                replaceable.add(unsaved.parent)
            same_login = values_of(loaded[-1]) == values_of(tokens)
            try:
                if unsaved is not None or not same_login:
                    self._store(hold, tokens, replaceable=replaceable)
            except TokenStoreError:
                if not same_login:
                    raise
                # It has been told when it happened. What is new is a setback, and that lives in memory with the rest.
                return
        self._note(hold, tokens)

    def prove_storable(self) -> None:
        hold = self._lock.held
        target = hold.target if hold is not None else self._target()
        try:
            data = content_or_empty(self._files, target)
            replace_values(data, dict.fromkeys(MANAGED_KEYS, "a-token"))
            prove_replaceable(self._files, target, len(data) + _ROOM_FOR_TOKENS_BYTES)
        except (OSError, EnvTextError) as error:
            raise store_error("be written to", target, error) from error
        sidecar = sidecar_of(target)
        try:
            if hold is None and stat_or_none(self._files, sidecar) is not None:
                self._files.close(self._files.open(sidecar))
        except OSError as error:
            raise store_error("be written to", sidecar, error) from error

    def trouble(self) -> str | None:
        unsaved = self._unsaved
        return None if unsaved is None else unsaved.why

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """As the port says; not re-entrant."""
        target = self._target()
        try:
            hold = self._lock.acquire(target, wait=self._lock_timeout)
        except OSError as error:
            raise store_error("be locked with", sidecar_of(target), error) from error
        if hold is None:
            raise TokenStoreError(
                f"The tokens in {target} are not refreshed now: another process has held the lock {sidecar_of(target)} "
                f"for more than {self._lock_timeout.total_seconds():g} s. Find it (`fuser` or `lsof` with the lock's "
                "path) and end it, which frees the lock; deleting the lock file does not help."
            )
        try:
            yield
        finally:
            self._lock.release(hold)

    def _own_hold(self) -> Hold | None:
        hold = self._lock.held
        return hold if hold is not None and hold.thread_id == get_ident() else None

    def _target(self) -> Path:
        return Path(os.path.realpath(self._path))

    def _stamps(self, target: Path, path: Path) -> tuple[Stamp, Stamp]:
        return stamp(self._files, path), stamp(self._files, sidecar_of(target))

    def _stored(self, target: Path) -> tuple[bytes, dict[str, str]]:
        """The file's bytes and the managed values in them."""
        had_login = self._snapshot is not None and self._snapshot.tokens.refresh_token is not None
        chances = _REREADS if had_login else 0
        while True:
            data = content_or_empty(self._files, target)
            values = read_values(data, MANAGED_KEYS)
            if chances == 0 or values.get(REFRESH_TOKEN, "").strip():
                return data, values
            chances -= 1
            time.sleep(_REREAD_PAUSE.total_seconds())  # noqa: TID251 - a bounded wait for somebody else's editor

    def _read(self) -> _Snapshot:
        target = self._target()
        stamps = self._stamps(target, target)
        tokens = token_set(self._stored(target)[1])
        notes = read_notebook(self._files, sidecar_of(target))
        snapshot = _Snapshot(target=target, stamps=stamps, tokens=notes.applied_to(tokens))
        self._snapshot = snapshot
        return snapshot

    def _seen(self, snapshot: _Snapshot) -> TokenSet:
        """What callers are told: what was read, and what could not be written."""
        unsaved, unnoted = self._unsaved, self._unnoted
        if unsaved is not None and not unsaved.is_superseded(snapshot.tokens.refresh_token):
            return unsaved.tokens
        return snapshot.tokens if unnoted is None else unnoted.applied_to(snapshot.tokens)

    def _take_seed(self, seed: str) -> None:
        """Treat the seed as a login that was not stored yet, if the file has none."""
        try:
            tokens = self._read().tokens
        except (OSError, EnvTextError):
            # `load` meets the same trouble, and tells of it.
            return
        if tokens.refresh_token is None:
            self._unsaved = _Unsaved(tokens=replace(tokens, refresh_token=seed), parent=None, retry_at_s=0)
        self._seed = None

    def _retry_unsaved(self) -> None:
        """Try to store what could not be stored, if the lock is free or held by this thread."""
        own = self._own_hold()
        if own is not None:
            self._store_unsaved(own)
            return
        try:
            hold = self._lock.acquire(self._target(), wait=timedelta(0))
        except OSError:
            return
        if hold is not None:
            try:
                self._store_unsaved(hold)
            finally:
                self._lock.release(hold)

    def _store_unsaved(self, hold: Hold) -> None:
        unsaved = self._unsaved
        if unsaved is None:
            return
        with suppress(TokenStoreError):
            self._store(hold, unsaved.tokens, replaceable={unsaved.parent, unsaved.tokens.refresh_token})
            self._note(hold, unsaved.tokens)

    def _store(self, hold: Hold, tokens: TokenSet, *, replaceable: set[str | None] | None) -> None:
        """Write the three values, unless the file holds them, or a refresh token that is not `replaceable`."""
        unsaved = self._unsaved
        parent = unsaved.parent if unsaved is not None else hold.loaded[0].refresh_token if hold.loaded else None
        try:
            data, stored = self._stored(hold.target)
            parent = token_set(stored).refresh_token
            if replaceable is not None and parent not in replaceable | {None, tokens.refresh_token}:
                self._unsaved = None
                raise TokenStoreError(
                    f"The refresh token in {hold.target} was replaced while another one was being renewed. "
                    "The one in the file is kept, and used from now on."
                )
            edited = replace_values(data, values_of(tokens, stored))
            if edited != data or unsaved is not None:
                replace_content(self._files, hold.target, edited)
        except (OSError, EnvTextError) as error:
            retry_at_s = time.monotonic() + _RETRY_UNSAVED_AFTER.total_seconds()
            trouble = store_error("be written to", hold.target, error, kept=True)
            self._unsaved = _Unsaved(tokens=tokens, parent=parent, retry_at_s=retry_at_s, why=str(trouble))
            raise trouble from error
        self._unsaved = None

    def _note(self, hold: Hold, tokens: TokenSet) -> None:
        notebook = Notebook.of(tokens)
        self._unnoted = None if self._lock.write_notebook(hold, notebook) else notebook

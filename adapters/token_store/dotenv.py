"""The login in a `.env` file, shared by every thread and process on one machine."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import get_ident

from adapters.token_store.env_file import Look, look_at, prove_changeable
from adapters.token_store.env_text import EnvTextError
from adapters.token_store.files import Files, Stamp, stamp
from adapters.token_store.journal import Journal
from adapters.token_store.journal_file import prove_room, read_journal
from adapters.token_store.managed_keys import values_of
from adapters.token_store.saving import Saving
from adapters.token_store.sidecar import Hold, SidecarLock, sidecar_of
from adapters.token_store.troubles import held_for_long, replaced_meanwhile, store_error
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, fingerprint
from domain.words import Text

# Longer than the slowest refresh: a connection over two routes, and 30 s for the answer.
DEFAULT_LOCK_TIMEOUT = timedelta(seconds=90)
# How often it is tried to write a `.env` that could not be written.
_RETRY_AFTER = timedelta(seconds=1)
# The stamps of files that look like none there is.
_NEVER: tuple[Stamp, Stamp] = ((-1, -1, -1), (-1, -1, -1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What was read, and how the files looked just before: older than their content at worst, never newer.

    `tokens` is the login that counts, `is_behind` says that `.env` has not got it.
    """

    sidecar: str
    stamps: tuple[Stamp, Stamp]
    tokens: TokenSet
    journal: Journal
    is_behind: bool
    showed_login: bool


class DotenvTokenStore:
    """Keeps a login in three keys of a `.env` file, and its lock and journal in `<real path of .env>.lock`, both 0600.

    Kept, with processes that all use this class on one machine and a local file system: one refresh at a time (the
    kernel frees a dead holder's lock), and of the newest login, wherever a process or the machine ends in a save:

    ====================================== =============================================================================
    before the request leaves              Nothing is spent. The attempt is on disk (synced) before it does.
    after it has left, before the answer   The server may have rotated. The attempt tells the next start, which tries
                                           the old refresh token once more. **The one window no client can close**: a
                                           server without a grace period (FAPI 2.0 section 5.3.2.1) refuses, and only
                                           a new login helps.
    after the answer, before the journal   The same, for as long as it takes to parse the answer and write once.
    the journal is written                 kill -9 loses nothing any more; a torn record leaves the one before.
    the journal is synced                  Nor does a loss of power. Readers use the new login from here on.
    `.env` is being written                It is whole, old or new. If old, the journal counts, and whoever holds the
                                           lock next, or loads while nobody does, writes it there.
    `.env` is renamed, the folder synced   Both hold it. Strays of dead writers are removed by the next save.
    ====================================== =============================================================================

    Which login counts is told by the refresh token that `.env` shows. One that the journal knows as spent (an old copy
    saved by an editor, a file that could not be written) gives way to the journal's. An unknown one was put there by a
    person: it counts, and ends the login before. None at all, for longer than an editor needs that empties the file
    before it writes it, is a logout by hand, which lasts until one is there again; but not while the newest login has
    never reached the file.

    Where the file cannot be renamed onto (mounted by itself into a container), it is overwritten in place, in one call
    of the operating system for a file of usual size. A loss of power in that very moment, or a kill between two pages
    of memory, can leave lines old and new; the journal knows that one was under way, and the login is safe in it.
    Where `.env` cannot be written, the journal is the store, and `trouble` says so; where neither can, the memory of
    this process is, and `prove_storable` makes that rare. All else in the file, and its mode, stays as it is: an edit
    by hand between the read and the rename makes a save begin anew.

    Values are read as python-dotenv reads them, `${NAME}` resolved, and written so that it reads them back unchanged.
    `seed_refresh_token` is taken, once, when there is no refresh token, unless it is known as spent.
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
        # As text, since a path costs more time than the question that it is for.
        self._name = os.fspath(path)
        self._lock_timeout = lock_timeout
        self._seed = seed_refresh_token or None
        self._files = files or Files()
        self._lock = SidecarLock(self._files)
        # Values that are replaced whole and never changed: threads need no lock of ours, and a fork can break none.
        self._snapshot: _Snapshot | None = None
        self._unwritten: Journal | None = None
        self._retry_at_s = 0.0
        self._why: Text | None = None

    def load(self) -> TokenSet:
        """As the port says; a missing file is an empty set. Reads only what has changed; never waits for the lock."""
        hold = self._own_hold()
        try:
            snapshot = self._read(always=hold is not None)
            if self._seed is not None:
                self._take_seed(self._seed, snapshot)
            if self._is_due(snapshot, hold):
                self._settle(hold)
                snapshot = self._read(always=True)
        except (OSError, EnvTextError) as error:
            tokens = self._tokens_without_env()
            if tokens is None:
                raise store_error("be read from", self._path, error) from error
        else:
            if not self._is_behind(snapshot):
                self._why = None
            tokens = self._seen(snapshot)
        if hold is not None:
            hold.loaded.append(tokens)
        return tokens

    def current(self) -> TokenSet | None:
        """As the port says. None also when it is time to try again to write `.env`."""
        snapshot = self._snapshot
        if snapshot is None or self._seed is not None:
            return None
        if self._is_behind(snapshot) and time.monotonic() >= self._retry_at_s:
            return None
        try:
            unchanged = self._stamps(snapshot.sidecar) == snapshot.stamps
        except OSError:
            return None
        return self._seen(snapshot) if unchanged else None

    def save(self, tokens: TokenSet) -> None:
        """As the port says; also raises TokenStoreError when somebody else has put another login into the file.

        And when `.env` could not be written though the journal was: the error says where the login is. What is only
        noted of a login (`setback`, `attempt`) goes into the journal alone.
        """
        hold = self._own_hold()
        if hold is None:
            with self.exclusive():
                self.save(tokens)
            return
        before = hold.loaded[-1] if hold.loaded else None
        try:
            self._store(hold, tokens)
        except TokenStoreError:
            if before is None or values_of(before) != values_of(tokens):
                raise
            # It has been told when it happened, and what is new lives on with the rest.
        finally:
            hold.loaded.append(tokens)

    def prove_storable(self) -> None:
        """As the port says: `.env` can be written, or the journal has the room that the next login needs."""
        hold = self._own_hold()
        if hold is None:
            with self.exclusive():
                self.prove_storable()
            return
        if hold.keeps_journal:
            # The room is taken also where `.env` alone would do: after kill -9 it is the journal that counts.
            with suppress(OSError):
                prove_room(self._files, sidecar_of(hold.target), hold.descriptor)
                return
        try:
            prove_changeable(self._files, hold.target)
        except (OSError, EnvTextError) as error:
            raise store_error("be written to", hold.target, error) from error

    def trouble(self) -> Text | None:
        """As the port says. It tells also of a login that is safe in the journal, and cannot be written to `.env`."""
        return self._why

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """As the port says; not re-entrant."""
        target = self._target()
        try:
            hold = self._lock.acquire(target, wait=self._lock_timeout)
        except OSError as error:
            raise store_error("be locked with", sidecar_of(target), error) from error
        if hold is None:
            raise held_for_long(target, self._lock_timeout)
        try:
            yield
        finally:
            self._lock.release(hold)

    def _own_hold(self) -> Hold | None:
        hold = self._lock.held
        return hold if hold is not None and hold.thread_id == get_ident() else None

    def _target(self) -> Path:
        return Path(os.path.realpath(self._path))

    def _stamps(self, sidecar: str) -> tuple[Stamp, Stamp]:
        return stamp(self._files, self._name), stamp(self._files, sidecar)

    def _look(self, target: Path) -> Look:
        return look_at(self._files, target, had_login=self._snapshot is not None and self._snapshot.showed_login)

    def _read(self, *, always: bool) -> _Snapshot:
        """What the files hold; without `always`, only what has changed is read."""
        snapshot = self._snapshot
        # Two saves within one tick of the file system's clock can look the same; under the lock that must not be.
        if not always and snapshot is not None and self._stamps(snapshot.sidecar) == snapshot.stamps:
            return snapshot
        target = self._target()
        sidecar = sidecar_of(target)
        stamps = stamp(self._files, target), stamp(self._files, sidecar)
        # In this order: a journal that is newer than the file that was read knows that file's login.
        shown = self._look(target).tokens
        journal = read_journal(self._files, sidecar)
        snapshot = _Snapshot(
            sidecar=os.fspath(sidecar),
            stamps=stamps,
            tokens=journal.seen_over(shown),
            journal=journal,
            is_behind=journal.outdates(shown),
            showed_login=shown.refresh_token is not None,
        )
        self._snapshot = snapshot
        return snapshot

    def _tokens_without_env(self) -> TokenSet | None:
        """The newest login where `.env` cannot be read, unless it may hold a newer one."""
        journal = self._unwritten or read_journal(self._files, sidecar_of(self._target()))
        return None if journal.reached else journal.tokens

    def _seen(self, snapshot: _Snapshot) -> TokenSet:
        """What callers are told: what was read, and what could not be written."""
        unwritten = self._unwritten
        return snapshot.tokens if unwritten is None else unwritten.seen_over(snapshot.tokens)

    def _take_seed(self, seed: str, snapshot: _Snapshot) -> None:
        """Treat the seed as a login that was not stored yet, if there is none."""
        journal = self._unwritten or snapshot.journal
        tokens = self._seen(snapshot)
        if tokens.refresh_token is None and fingerprint(seed) not in journal.spent:
            tokens = replace(tokens, refresh_token=seed)
            self._unwritten = journal.followed_by(tokens, spent=(), covers=None)
        self._seed = None

    def _is_in_memory_only(self) -> bool:
        unwritten = self._unwritten
        return unwritten is not None and not unwritten.reached

    def _is_behind(self, snapshot: _Snapshot) -> bool:
        """Whether `.env` has not got the login that counts."""
        return snapshot.is_behind or self._is_in_memory_only()

    def _is_due(self, snapshot: _Snapshot, hold: Hold | None) -> bool:
        """Whether it is to be tried to write what is not written: always what could be lost, the rest now and then."""
        if hold is None and not self._is_in_memory_only() and time.monotonic() < self._retry_at_s:
            return False
        return self._is_behind(snapshot)

    def _settle(self, own: Hold | None) -> None:
        """Try to write the login that counts where it belongs, if the lock is free or held by this thread."""
        self._retry_at_s = time.monotonic() + _RETRY_AFTER.total_seconds()
        hold = own
        with suppress(OSError, TokenStoreError):
            hold = hold or self._lock.acquire(self._target(), wait=timedelta(0))
            if hold is not None:
                self._store(hold, None)
        if hold is not None and hold is not own:
            self._lock.release(hold)

    def _store(self, hold: Hold, tokens: TokenSet | None) -> None:
        """Save these tokens, None for the login that counts. Raises TokenStoreError."""
        saving = Saving(self._files, hold, unwritten=self._unwritten, look=lambda: self._look(hold.target))
        saved = saving.run(tokens)
        self._unwritten = saved.unwritten
        self._why = None if saved.trouble is None else saved.trouble.text
        self._retry_at_s = 0.0 if saved.trouble is None else time.monotonic() + _RETRY_AFTER.total_seconds()
        if self._snapshot is not None:
            # What was just written may look the same as what was read, within one tick of the file system's clock.
            self._snapshot = replace(self._snapshot, stamps=_NEVER)
        if saved.trouble is not None:
            raise saved.trouble
        if saved.superseded:
            raise replaced_meanwhile(hold.target)

"""A login in a vault: the token store's promises, kept with a vault that comes and goes."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Generic

from adapters.token_store.memory import LoginMemory
from adapters.token_store.troubles import IN_MEMORY
from adapters.token_store.vault import H, HoldLostError, Stored, Vault, VaultAwayError
from domain.errors import TokenStoreError
from domain.tokens import TokenSet
from domain.words import Text

# Longer than the slowest refresh, and than the lease of a holder that has died.
DEFAULT_LOCK_TIMEOUT = timedelta(seconds=90)
# How old an answer of `current` can be.
_SNAPSHOT_AGE = timedelta(seconds=1)
# Each round means that somebody without the lock has written in between.
_MOST_ROUNDS = 3


@dataclass(slots=True, kw_only=True, eq=False)
class _Session(Generic[H]):
    """A hold; what its thread has been told while it held it, and what it knows to be in the vault."""

    hold: H
    thread_id: int = field(default_factory=threading.get_ident)
    loaded: list[TokenSet] = field(default_factory=list[TokenSet])
    stored: Stored | None = None


class VaultTokenStore(Generic[H]):
    """Implements ports.token_store.TokenStore on a vault.

    - While the vault is away, the tokens that were last read go on being used; nothing is refreshed, since nobody could
      say who else does.
    - A login that was bought and could not be stored lives on in the memory of this process until a later `load` or
      `save` succeeds, unless the vault holds another one by then.
    - A vault that has lost everything is given back the login that this process has read or written lately.
    - `seed_refresh_token` is taken, once, when the vault holds no refresh token, or one that the authorization server
      has refused for good: so a new one heals a dead login.

    `now_s` is the monotonic clock by which memories grow old.
    """

    def __init__(
        self,
        vault: Vault[H],
        *,
        seed_refresh_token: str | None = None,
        lock_timeout: timedelta = DEFAULT_LOCK_TIMEOUT,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vault = vault
        self._seed = seed_refresh_token or None
        self._lock_timeout = lock_timeout
        self._memory = LoginMemory(snapshot_age=_SNAPSHOT_AGE, now_s=now_s)
        self._turn = threading.Lock()
        self._session: _Session[H] | None = None
        _forget_after_fork(self)

    def load(self) -> TokenSet:
        """As the port says. While the vault is away: what is known of it, but not to a holder, who could spend it."""
        session, known = self._own_session(), self._memory.known()
        if session is None and known is not None and self._memory.is_left_alone():
            return known
        try:
            stored = self._settled(session, self._read(session))
        except TokenStoreError:
            unsaved = self._memory.unsaved
            known = self._memory.known() if session is None or unsaved is not None else None
            if known is None:
                raise
        else:
            known = self._memory.seen(stored)
        if session is not None:
            session.loaded.append(known)
        return known

    def current(self) -> TokenSet | None:
        """As the port says: never asks the vault, and can be a second behind it."""
        return self._memory.current() if self._seed is None else None

    def save(self, tokens: TokenSet) -> None:
        """As the port says; also raises TokenStoreError when the vault holds somebody else's login by now.

        And when the hold is lost, or the vault away, and what could not be noted is that a refresh token is about to be
        sent: it must not be.
        """
        session = self._own_session()
        if session is None:
            with self.exclusive():
                self.save(tokens)
            return
        before, unsaved = tuple(session.loaded), self._memory.unsaved
        session.loaded.append(tokens)
        if not before:
            # Nothing was looked at, so nothing can have changed meanwhile: this is meant to replace what there is.
            self._store(session, tokens, replaceable=None)
            return
        replaceable = {each.refresh_token for each in before}
        if unsaved is not None:
            replaceable.add(unsaved.parent)
        if _login(before[-1]) == _login(tokens):
            self._store_notes(session, tokens, replaceable, about_to_send=tokens.unanswered > before[-1].unanswered)
        else:
            self._store(session, tokens, replaceable)

    def prove_storable(self) -> None:
        session = self._own_session()
        with self._memory.watching():
            self._vault.prove(None if session is None else session.hold)

    def trouble(self) -> Text | None:
        """As the port says; tells also that the vault is away."""
        return self._memory.trouble()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """As the port says; not re-entrant. Fails at once while the vault is away."""
        away = self._memory.away
        if away is not None and self._memory.is_left_alone():
            raise VaultAwayError(away.why)
        session = self._open_session(self._lock_timeout)
        if session is None:
            place, seconds = self._vault.place, f"{self._lock_timeout.total_seconds():g}"
            raise TokenStoreError(
                Text(
                    f"The tokens in {place} are not refreshed now: another process has held their lock for more than "
                    f"{seconds} s. Find the one that hangs and end it.",
                    f"{place.zh} 中的令牌暂不刷新：另一个进程占用其锁已超过 {seconds} 秒。请找到停滞的进程并结束它。",
                )
            )
        try:
            yield
        finally:
            self._close_session(session)

    def forget(self) -> None:
        """In a forked child: the session is its parent's, and the lock may have been copied while it was held."""
        self._turn = threading.Lock()
        self._session = None

    def _own_session(self) -> _Session[H] | None:
        session = self._session
        return session if session is not None and session.thread_id == threading.get_ident() else None

    def _open_session(self, wait: timedelta) -> _Session[H] | None:
        # The threads of one process queue here, so that one of them alone asks the vault.
        begun_s = time.monotonic()
        if not self._turn.acquire(timeout=wait.total_seconds()):
            return None
        session: _Session[H] | None = None
        try:
            left = wait - timedelta(seconds=time.monotonic() - begun_s)
            with self._memory.watching():
                hold = self._vault.acquire(max(left, timedelta(0)))
            if hold is not None:
                session = self._session = _Session(hold=hold)
        finally:
            if session is None:
                self._turn.release()
        return session

    def _close_session(self, session: _Session[H]) -> None:
        if self._session is not session:
            # A forked child leaves the block in which its parent holds the vault.
            return
        self._session = None
        try:
            self._vault.release(session.hold)
        finally:
            self._turn.release()

    def _read(self, session: _Session[H] | None) -> Stored:
        stored = self._memory.read(self._vault.read, self._vault.place)
        if session is not None:
            session.stored = stored
        return stored

    def _settled(self, session: _Session[H] | None, stored: Stored) -> Stored:
        """What the vault holds, once it was tried to store what it does not hold yet."""
        seed, self._seed = self._seed, None
        if seed is not None and self._memory.unsaved is None and _wants(seed, stored.tokens):
            fresh = TokenSet(refresh_token=seed)
            self._memory.keep(fresh, parent=stored.tokens.refresh_token, why=None)
        if self._memory.unsaved is None:
            return stored
        with suppress(TokenStoreError):
            self._store_unsaved(session)
        snapshot = self._memory.snapshot
        return stored if snapshot is None else snapshot.stored

    def _store_unsaved(self, own: _Session[H] | None) -> None:
        """Try to, if this thread holds the vault or nobody does."""
        session = own or self._open_session(timedelta(0))
        if session is None:
            return
        try:
            unsaved = self._memory.unsaved
            if unsaved is not None:
                self._store(session, unsaved.tokens, {unsaved.parent, unsaved.tokens.refresh_token})
        finally:
            if session is not own:
                self._close_session(session)

    def _store(self, session: _Session[H], tokens: TokenSet, replaceable: set[str | None] | None) -> None:
        """Write, unless the vault holds a refresh token that is not `replaceable`."""
        unsaved, snapshot = self._memory.unsaved, self._memory.snapshot
        try:
            written = self._write(session, tokens, replaceable)
        except TokenStoreError as error:
            latest = session.stored or (None if snapshot is None else snapshot.stored)
            parent = unsaved.parent if unsaved is not None else None if latest is None else latest.tokens.refresh_token
            why = error.text + IN_MEMORY
            self._memory.keep(tokens, parent=parent, why=why)
            raise type(error)(why) from error
        if not written:
            self._memory.unsaved = None
            raise TokenStoreError(
                Text(
                    f"The refresh token in {self._vault.place} was replaced while another one was being renewed. "
                    "The one there is kept, and used from now on.",
                    f"{self._vault.place.zh} 中的刷新令牌在另一个令牌刷新期间被替换。那里的令牌予以保留，今后使用它。",
                )
            )

    def _store_notes(
        self, session: _Session[H], tokens: TokenSet, replaceable: set[str | None], *, about_to_send: bool
    ) -> None:
        """Write a setback or an attempt down. Where that fails it lives in memory, with the login or beside it."""
        unsaved = self._memory.unsaved
        if unsaved is not None:
            self._memory.unsaved = replace(unsaved, tokens=tokens)
        try:
            written = self._write(session, tokens, replaceable)
        except TokenStoreError as error:
            if about_to_send and isinstance(error, HoldLostError | VaultAwayError):
                raise
            self._memory.keep_notes(tokens)
        else:
            if not written:
                self._memory.unsaved = None

    def _write(self, session: _Session[H], tokens: TokenSet, replaceable: set[str | None] | None) -> bool:
        """Whether `tokens` are in the vault now; not, when what is there is not to be replaced."""
        with self._memory.watching():
            for _ in range(_MOST_ROUNDS):
                parent = None
                if replaceable is not None:
                    parent = session.stored or self._read(session)
                    found = parent.tokens.refresh_token
                    if parent.version is not None and found not in replaceable | {tokens.refresh_token}:
                        return False
                session.stored = self._vault.write(session.hold, tokens, parent=parent)
                if session.stored is not None:
                    self._memory.wrote(session.stored, tokens)
                    return True
        return False


def _login(tokens: TokenSet) -> TokenSet:
    return replace(tokens, issued_at=None, setback=None, attempt=None)


def _forget_after_fork(store: VaultTokenStore[H]) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    # Weak, since what is registered stays for the life of the process.
    reference = weakref.ref(store)

    def forget() -> None:
        forgetful = reference()
        if forgetful is not None:
            forgetful.forget()

    os.register_at_fork(after_in_child=forget)


def _wants(seed: str, stored: TokenSet) -> bool:
    dead = stored.setback is not None and stored.setback.until is None
    return stored.refresh_token is None or (dead and stored.refresh_token != seed)

"""What a process knows of a login without asking the vault it lies in."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from adapters.token_store.notebook import Notebook
from adapters.token_store.vault import Stored, VaultAwayError
from domain.errors import TokenStoreError
from domain.tokens import TokenSet
from domain.words import Text

# How often a vault that is away, or a login that could not be stored, is tried again.
_RETRY_AFTER = timedelta(seconds=1)
# How fresh the memory of a login must be to be taken for the one that an emptied vault has lost: whoever is at work
# reads once a second, so an older one may have been spent by another process meanwhile.
_TRUSTED_MEMORY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    stored: Stored
    read_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    """A login that could not be stored. `parent` is the refresh token that the vault still holds in its place."""

    tokens: TokenSet
    parent: str | None = field(repr=False)
    retry_at_s: float
    why: Text | None

    def is_superseded(self, stored: Stored) -> bool:
        """Whether the vault holds another login by now, or none because one was ended on purpose."""
        return stored.version is not None and stored.tokens.refresh_token not in {
            self.parent,
            self.tokens.refresh_token,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    why: Text
    retry_at_s: float


class LoginMemory:
    """Values that are replaced whole and never changed: threads need no lock for them, and a fork can break none.

    `now_s` is a monotonic clock.
    """

    def __init__(self, *, snapshot_age: timedelta, now_s: Callable[[], float] = time.monotonic) -> None:
        self._snapshot_age_s = snapshot_age.total_seconds()
        self._now_s = now_s
        self.snapshot: Snapshot | None = None
        self.unsaved: Unsaved | None = None
        self.away: Away | None = None
        self._unnoted: Notebook | None = None

    def current(self) -> TokenSet | None:
        """What can be said right now; None when it is time to ask the vault."""
        snapshot, unsaved, away, now_s = self.snapshot, self.unsaved, self.away, self._now_s()
        if snapshot is None or (unsaved is not None and now_s >= unsaved.retry_at_s):
            return None
        if away is not None:
            return self.known() if now_s < away.retry_at_s else None
        return self.seen(snapshot.stored) if now_s - snapshot.read_at_s < self._snapshot_age_s else None

    def known(self) -> TokenSet | None:
        """What can be said, however old it is."""
        snapshot, unsaved = self.snapshot, self.unsaved
        if snapshot is not None:
            return self.seen(snapshot.stored)
        return None if unsaved is None else unsaved.tokens

    def seen(self, stored: Stored) -> TokenSet:
        """What callers are told: what was read, and what could not be written."""
        unsaved, unnoted = self.unsaved, self._unnoted
        if unsaved is not None and not unsaved.is_superseded(stored):
            return unsaved.tokens
        return stored.tokens if unnoted is None else unnoted.applied_to(stored.tokens)

    def trouble(self) -> Text | None:
        unsaved, away = self.unsaved, self.away
        if unsaved is not None and unsaved.why is not None:
            return unsaved.why
        return None if away is None else away.why

    def is_left_alone(self) -> bool:
        """Whether the vault was away a moment ago. One caller at a time is let through to see whether it still is."""
        away = self.away
        if away is None:
            return False
        if self._now_s() < away.retry_at_s:
            return True
        self.away = replace(away, retry_at_s=self._retry_at_s())
        return False

    @contextmanager
    def watching(self, told_by: type[TokenStoreError] = VaultAwayError) -> Generator[None]:
        """Remember whether the vault can be talked to; `told_by` is the error that says that it cannot."""
        try:
            yield
        except told_by as error:
            self.away = Away(why=error.text, retry_at_s=self._retry_at_s())
            raise
        else:
            self.away = None

    def read(self, read: Callable[[], Stored], place: Text) -> Stored:
        """What `read` gives, remembered. What a vault has lost is remembered as a login that could not be stored."""
        before, read_at_s = self.snapshot, self._now_s()
        with self.watching(TokenStoreError):
            stored = read()
        if stored.version is None and before is not None and self.unsaved is None:
            tokens = before.stored.tokens
            if tokens.refresh_token is not None and read_at_s - before.read_at_s < _TRUSTED_MEMORY.total_seconds():
                why = Text(
                    f"{place} has lost the login, which is written again. Let it keep its data on a disk.",
                    f"{place.zh} 丢失了登录信息，正在重新写入。请让它把数据保存到磁盘。",
                )
                self.unsaved = Unsaved(tokens=tokens, parent=None, retry_at_s=read_at_s, why=why)
        latest = self.snapshot
        if latest is None or latest.read_at_s <= read_at_s:
            # Else this thread was overtaken by one that has seen more.
            self.snapshot = Snapshot(stored=stored, read_at_s=read_at_s)
        return stored

    def wrote(self, stored: Stored, tokens: TokenSet) -> None:
        """Remember that `tokens` were written. What is `stored` of them may lack the notes, which then live here."""
        self.unsaved = None
        self.snapshot = Snapshot(stored=stored, read_at_s=self._now_s())
        notes = Notebook.of(tokens)
        self._unnoted = None if notes.applied_to(stored.tokens) == stored.tokens else notes

    def keep(self, tokens: TokenSet, *, parent: str | None, why: Text | None) -> None:
        """Remember a login that could not be stored."""
        self.unsaved = Unsaved(tokens=tokens, parent=parent, retry_at_s=self._retry_at_s(), why=why)

    def keep_notes(self, tokens: TokenSet) -> None:
        """Remember notes that could not be written."""
        self._unnoted = Notebook.of(tokens)

    def _retry_at_s(self) -> float:
        return self._now_s() + _RETRY_AFTER.total_seconds()

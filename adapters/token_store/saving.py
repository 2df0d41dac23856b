"""One save, step by step: the journal first, then `.env`, then the journal's word that `.env` has it."""

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from adapters.token_store.env_file import Look, put_into
from adapters.token_store.env_text import EnvTextError
from adapters.token_store.files import FileChangedError, Files, content_or_empty
from adapters.token_store.journal import Journal, is_spent
from adapters.token_store.journal_file import read_journal, write_journal
from adapters.token_store.managed_keys import values_of
from adapters.token_store.sidecar import Hold, sidecar_of
from adapters.token_store.troubles import not_cleared, not_written
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, fingerprint

# Each round means that somebody without the lock has changed the file between a look at it and the rename.
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of a save.

    `unwritten` is the journal as it should be, if it could not be written; `trouble` is why `.env` has not got the
    login. `superseded` tells that another login had come, which was kept, and noted, instead.
    """

    unwritten: Journal | None
    trouble: TokenStoreError | None = None
    superseded: bool = False


class Saving:
    """A save under the lock. `unwritten` is the journal that could not be written before; `look` reads `.env`."""

    def __init__(self, files: Files, hold: Hold, *, unwritten: Journal | None, look: Callable[[], Look]) -> None:
        self._files = files
        self._hold = hold
        self._sidecar = sidecar_of(hold.target)
        self._unwritten = unwritten
        self._look = look

    def run(self, tokens: TokenSet | None) -> Saved:
        """Make these tokens durable; None stands for the login that counts, wherever it is."""
        failure: OSError | EnvTextError = OSError(errno.EBUSY, "It is being changed again and again")
        superseded = False
        for _ in range(_MOST_ROUNDS):
            try:
                look = self._look()
            except (OSError, EnvTextError) as error:
                if tokens is not None:
                    self._note_blindly(tokens)
                failure = error
                break
            try:
                superseded = self._save_over(look, tokens)
            except FileChangedError:
                continue
            except (OSError, EnvTextError) as error:
                failure = error
                break
            return Saved(unwritten=self._unwritten, superseded=superseded)
        return Saved(unwritten=self._unwritten, trouble=self._trouble(tokens, failure))

    def _trouble(self, tokens: TokenSet | None, failure: OSError | EnvTextError) -> TokenStoreError:
        if tokens is not None and tokens.refresh_token is None:
            return not_cleared(self._hold.target, failure)
        journal = self._sidecar if self._unwritten is None else None
        return not_written(self._hold.target, failure, journal=journal)

    def _save_over(self, look: Look, tokens: TokenSet | None) -> bool:
        """Save over what was looked at; whether another login was found there. Raises what `put_into` raises."""
        noted, shown = read_journal(self._files, self._sidecar), look.tokens
        known = self._known(noted)
        seen = noted.seen_over(shown)
        if self._unwritten is not None:
            seen = self._unwritten.seen_over(seen)
        superseded = tokens is not None and self._is_somebody_elses(seen, tokens)
        wanted = seen if tokens is None or superseded else tokens
        journal = known.followed_by(wanted, spent=self._spent(wanted, seen), covers=shown.refresh_token)
        # One that was noted before, and is not known to have become durable in the file, is written there once more.
        is_new = known.reached or known.tokens.refresh_token != wanted.refresh_token
        if is_new and values_of(wanted) == values_of(shown):
            if self._unwritten is not None or journal.arrived() != noted:
                self._note(journal.arrived())
            return superseded
        if self._unwritten is not None or not journal.says_the_same(noted):
            self._note(journal)
        self._put(look, wanted, journal)
        self._note(journal.arrived())
        return superseded

    def _put(self, look: Look, wanted: TokenSet, journal: Journal) -> None:
        begun: list[Journal] = []

        def begin() -> None:
            begun.append(replace(journal, overwriting=True))
            self._note(begun[0])

        try:
            put_into(self._files, self._hold.target, look, wanted, before_overwriting=begin)
        except (OSError, FileChangedError) as error:
            # Once it is certain that the file holds no mixture, an unknown refresh token in it is a person's again.
            if begun and (isinstance(error, FileChangedError) or self._holds(look.data)):
                self._note(journal)
            raise

    def _holds(self, data: bytes) -> bool:
        try:
            return content_or_empty(self._files, self._hold.target) == data
        except OSError:
            return False

    def _note_blindly(self, tokens: TokenSet) -> None:
        """Note a login down without knowing what `.env` shows."""
        before = self._hold.loaded[-1] if self._hold.loaded else None
        covers = None if before is None else before.refresh_token
        known = self._known(read_journal(self._files, self._sidecar))
        self._note(known.followed_by(tokens, spent=self._spent(tokens, before), covers=covers))

    def _note(self, journal: Journal) -> None:
        """Write the journal down, or remember that it could not be."""
        self._unwritten = journal
        if self._hold.keeps_journal:
            with suppress(OSError):
                write_journal(self._files, self._sidecar, self._hold.descriptor, journal)
                self._unwritten = None

    def _known(self, noted: Journal) -> Journal:
        """The journal that this save goes on from: what is in memory is newer, and others may have spent more."""
        if self._unwritten is None:
            return noted
        return replace(self._unwritten, spent=tuple(dict.fromkeys((*noted.spent, *self._unwritten.spent))))

    def _is_somebody_elses(self, seen: TokenSet, tokens: TokenSet) -> bool:
        """Whether a login has come that this holder has not been told of, and so must not overwrite."""
        loaded = self._hold.loaded
        if not loaded:
            # Nothing was looked at, so nothing can have changed meanwhile: this is meant to replace what there is.
            return False
        return seen.refresh_token not in {None, tokens.refresh_token, *(each.refresh_token for each in loaded)}

    def _spent(self, wanted: TokenSet, seen: TokenSet | None) -> tuple[str, ...]:
        """The fingerprint of the refresh token that `wanted` takes the place of, if that one is of no use any more."""
        before = self._hold.loaded[-1] if self._hold.loaded else seen
        if before is None or before.refresh_token in {None, wanted.refresh_token} or not is_spent(before):
            return ()
        return (fingerprint(before.refresh_token or ""),)

"""Whatever happens to the files and to the processes: no spent refresh token comes back, and no login gets lost."""

import errno
import itertools
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.token_store.dotenv import DotenvTokenStore
from adapters.token_store.files import Files
from adapters.token_store.journal_file import read_journal
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, fingerprint
from tests.adapters.token_store.faulty_files import DISK_FULL, UNWRITABLE, FaultyFiles, Killed, at_ease, failing
from tests.adapters.token_store.scene import TEXT, rotate, store_at

NO_RENAME = failing(errno.EBUSY, "replace")


class HastyFiles(FaultyFiles):
    """Syncs nothing: no power is lost here."""

    def sync(self, descriptor: int) -> None:
        self._step("sync")

    def sync_data(self, descriptor: int) -> None:
        self._step("sync_data")

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder")


class AnyHistory(RuleBasedStateMachine):
    """`spent` are the refresh tokens that were replaced in a journal on disk: from then on nobody may be given them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / ".env"
        self.path.write_text(TEXT)
        self.numbers = itertools.count(1)
        self.fault: Callable[[str], None] = at_ease
        self.spent: set[str] = set()
        self.copies = [self.path.read_text()]
        self.store = self.restarted()

    def teardown(self) -> None:
        self.folder.cleanup()

    def restarted(self) -> DotenvTokenStore:
        self.files = HastyFiles(self.fault)
        return store_at(self.path, files=self.files)

    def remember(self) -> None:
        self.spent |= set(read_journal(Files(), self.path.with_name(".env.lock")).spent)
        self.copies.append(self.path.read_text())

    def successor(self) -> TokenSet:
        number = next(self.numbers)
        return TokenSet(refresh_token=f"refresh-{number}", access_token=f"access-{number}")

    @precondition(lambda self: self.store.load().refresh_token is not None)
    @rule()
    def refresh(self) -> None:
        successor = self.successor()
        before = self.store.load()
        try:
            rotate(self.store, successor)
        except TokenStoreError:
            seen = self.store.load().refresh_token
            assert seen in {before.refresh_token, successor.refresh_token}
            assert seen == successor.refresh_token or self.fault is DISK_FULL
        else:
            assert self.store.load() == successor
        if self.fault is not DISK_FULL:
            assert store_at(self.path, files=HastyFiles(self.fault)).load() == successor
            self.remember()
            assert fingerprint(before.refresh_token or "") in self.spent
        self.remember()

    @precondition(lambda self: self.store.load().refresh_token is not None)
    @rule(step=st.integers(0, 45))
    def die_in_a_refresh(self, step: int) -> None:
        successor, before, left = self.successor(), self.store.load(), [step]
        was_in_memory = "memory" in str(self.store.trouble())

        def before_step(name: str) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise Killed
            self.fault(name)

        self.files.before_step = before_step
        with suppress(Killed, TokenStoreError):
            rotate(self.store, successor)
        self.store = self.restarted()
        if not was_in_memory:
            assert self.store.load().refresh_token in {before.refresh_token, successor.refresh_token}
        self.remember()

    @rule()
    def restart(self) -> None:
        self.store = self.restarted()

    @rule()
    def paste(self) -> None:
        pasted = f"pasted-{next(self.numbers)}"
        self.path.write_text(TEXT.replace("first", pasted))
        assert self.store.load().refresh_token == pasted
        self.copies.append(self.path.read_text())

    @rule(data=st.data())
    def restore_an_old_copy(self, data: st.DataObject) -> None:
        self.path.write_text(data.draw(st.sampled_from(self.copies)))

    @rule()
    def empty(self) -> None:
        self.path.write_text("# mine\n")

    @rule(fault=st.sampled_from([at_ease, UNWRITABLE, DISK_FULL, NO_RENAME]))
    def change_the_disk(self, fault: Callable[[str], None]) -> None:
        self.fault = self.files.before_step = fault

    @invariant()
    def nobody_is_given_a_spent_refresh_token(self) -> None:
        for store in (self.store, store_at(self.path, files=HastyFiles(self.fault))):
            refresh_token = store.load().refresh_token
            assert refresh_token is None or fingerprint(refresh_token) not in self.spent
            current = store.current()
            assert current is None or current == store.load()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

"""One refresh at a time in this process, and one that no caller can interrupt."""

import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from time import monotonic

from domain.effects import Flow
from domain.errors import OCAError, TokenStoreError
from domain.token_events import TokenEvent, TokenEventKind
from domain.tokens import TokenSet
from ports.token_journal import TokenJournal
from ports.token_store import TokenStore

_REST_S = 1.0


class Refresher:
    """Runs a refresh under the store's lock in a thread of its own; threads and tasks that ask meanwhile share it.

    The thread is no daemon and belongs to no caller: a cancelled task, a closed event loop or Ctrl-C cannot cut a
    request to the token endpoint whose answer would be lost, and the interpreter waits for it on its way out. asyncio
    uses it too, so this most dangerous step exists once.
    """

    def __init__(self, *, store: TokenStore, run: Callable[[Flow[TokenSet]], TokenSet], journal: TokenJournal) -> None:
        self._store = store
        self._run = run
        self._journal = journal
        self._mutex = threading.Lock()
        self._running: Future[TokenSet] | None = None
        self._rests_until = 0.0
        self._told = ""
        _forget_after_fork(self)

    def start(self, flow: Flow[TokenSet]) -> Future[TokenSet]:
        """The future of the refresh under way; `flow` becomes one, or is dropped when there already is one."""
        with self._mutex:
            if self._running is not None:
                flow.close()
                return self._running
            future: Future[TokenSet] = Future()
            # Running from the start: a waiter that cancels it must not keep the others from their answer.
            future.set_running_or_notify_cancel()
            self._running = future
        worker = threading.Thread(target=self._work, args=(flow, future), name="oca-token-refresh", daemon=False)
        try:
            worker.start()
        except RuntimeError:
            # The interpreter is shutting down and starts no threads any more.
            self._work(flow, future)
        return future

    def start_behind(self, flow: Flow[TokenSet]) -> None:
        """Like `start`, for those who do not wait; does nothing just after the store could not be locked.

        With many requests at a stale token, a store that is away would be asked, and told of in the log, for each.
        """
        if monotonic() < self._rests_until:
            flow.close()
            return
        self.start(flow)

    def wait(self) -> None:
        """Return when no refresh is under way; its outcome is not told."""
        with self._mutex:
            running = self._running
        if running is not None:
            wait([running])

    def forget(self) -> None:
        """Start anew in a forked child: its parent's thread does not exist here."""
        self._mutex = threading.Lock()
        self._running = None

    def _work(self, flow: Flow[TokenSet], future: Future[TokenSet]) -> None:
        try:
            with self._store.exclusive():
                tokens = self._run(flow)
        except BaseException as error:  # noqa: BLE001 - the end of a thread: whatever it is goes to those who wait
            self._note(error)
            if isinstance(error, TokenStoreError):
                self._rests_until = monotonic() + _REST_S
            self._leave()
            future.set_exception(error)
        else:
            self._told = ""
            self._leave()
            future.set_result(tokens)

    def _leave(self) -> None:
        # Before the future is done: who asks from now on gets a refresh that has seen what this one has stored.
        with self._mutex:
            self._running = None

    def _note(self, error: BaseException) -> None:
        """Tell of failures that the flow has not told of itself; in the background nobody else would hear of them.

        Of the same one once, until it is over: a read-only disk would fill the log otherwise.
        """
        why = f"{type(error).__name__}: {error}"
        if why != self._told and (isinstance(error, TokenStoreError) or not isinstance(error, OCAError)):
            self._told = why
            self._journal.record(TokenEvent(kind=TokenEventKind.FAILED, why=why))


def _forget_after_fork(refresher: Refresher) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.ref(refresher)

    def forget() -> None:
        alive = reference()
        if alive is not None:
            alive.forget()

    os.register_at_fork(after_in_child=forget)

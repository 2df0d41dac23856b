"""The upstream's model list for programs that must not wait for it."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from time import monotonic

from ports.gateway import ModelList

# A list that could not be had is asked for again soon, but not at every look.
TROUBLE_LIFETIME = timedelta(seconds=15)


class BackgroundCatalog:
    """Fetches the list in a thread of its own, once for all who look. Safe to share between threads.

    `fetch` never raises: it tells of trouble in the list. `patience` is how long a look waits for it.
    """

    def __init__(self, fetch: Callable[[], ModelList], *, patience: timedelta) -> None:
        self._fetch = fetch
        self._patience_s = patience.total_seconds()
        self._lock = threading.Lock()
        self._fetching: Future[ModelList] | None = None
        self._process = os.getpid()
        self._known: ModelList | None = None
        self._fetched_at = 0.0
        self._arrivals: list[Callable[[ModelList], None]] = []

    @property
    def known(self) -> ModelList | None:
        """The list as far as it has come; waits for nothing."""
        return self._known

    def start(self) -> None:
        """Begin to fetch the list, unless it is here or on its way."""
        if self._due:
            self._begin()

    def look(self) -> ModelList | None:
        """The list, waiting for it if need be; None when it does not come in time."""
        if not self._due:
            return self._known
        return self._await(self._begin(), self._patience_s) or self._known

    def refresh(self) -> ModelList:
        """The list, asked for anew; waits for the answer, whose limits are those of the fetch."""
        return self._begin().result()

    def when_it_comes(self, tell: Callable[[ModelList], None]) -> None:
        """Call `tell`, in the fetching thread, with the next list that comes."""
        with self._lock:
            self._arrivals.append(tell)

    @property
    def _due(self) -> bool:
        known = self._known
        if known is None:
            return True
        return bool(known.trouble) and monotonic() - self._fetched_at > TROUBLE_LIFETIME.total_seconds()

    def _begin(self) -> Future[ModelList]:
        with self._lock:
            if self._process != os.getpid():
                # A forked child has no thread of its parent's.
                self._process, self._fetching = os.getpid(), None
            if self._fetching is not None:
                return self._fetching
            future = self._fetching = Future[ModelList]()
        # A daemon: a slow list must not keep a program from ending.
        threading.Thread(target=self._work, args=(future,), name="oca-model-list", daemon=True).start()
        return future

    def _work(self, future: Future[ModelList]) -> None:
        found = self._fetch()
        with self._lock:
            # Yesterday's list is better than none.
            if not found.trouble or self._known is None or self._known.trouble:
                self._known = found
            self._fetched_at = monotonic()
            self._fetching = None
            arrivals, self._arrivals = self._arrivals, []
        for tell in arrivals:
            tell(found)
        future.set_result(found)

    @staticmethod
    def _await(future: Future[ModelList], timeout_s: float) -> ModelList | None:
        try:
            return future.result(timeout_s)
        except TimeoutError:
            return None

"""A limit of waiting that costs next to nothing while it is kept."""

import asyncio
from collections.abc import Callable


class Timer:
    """One timer of the event loop, left where it is while the limit moves away from it.

    Waits follow each other quickly, and nearly all of them end in time. So the loop's timer stays armed from one to
    the next, and only when it strikes is it seen whether a limit has really passed, or how long is left.
    """

    __slots__ = ("_armed_for", "_handle", "_loop", "_strike")

    def __init__(self, loop: asyncio.AbstractEventLoop, strike: Callable[[], None]) -> None:
        self._loop = loop
        self._strike = strike
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = 0.0

    def strike_by(self, when: float) -> None:
        """Call `strike` at `when`, in the loop's seconds, or before: it looks at its limit itself."""
        if self._handle is not None:
            if self._armed_for <= when:
                return
            self._handle.cancel()
        self._armed_for = when
        self._handle = self._loop.call_at(when, self._struck)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _struck(self) -> None:
        self._handle = None
        self._strike()

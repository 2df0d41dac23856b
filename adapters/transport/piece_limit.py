"""How long the next piece of an answer may take: `wait_at_most` of ports.transport, the same over either library."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic


@dataclass(slots=True)
class PieceLimit:
    """Only what is spent in a wait is taken from `limit`. `by`, in the seconds of `now`, ends the wait under way.

    An event loop has a clock of its own. Both are None until a limit is set.
    """

    now: Callable[[], float] = monotonic
    limit: timedelta | None = None
    by: float | None = None
    _left_s: float = 0.0

    def renew(self, limit: timedelta) -> None:
        self.limit = limit
        self._left_s = limit.total_seconds()

    def wait_begins(self) -> None:
        if self.limit is not None:
            self.by = self.now() + self._left_s

    def wait_ends(self) -> None:
        """The piece has come. One that tells nothing new, for which the limit is not renewed, has used some of it."""
        if self.by is not None:
            self._left_s = self.by - self.now()

    def or_sooner(self, answer_by: float | None) -> float | None:
        """When the wait is over, given the limit of the whole answer."""
        if self.by is None or answer_by is None:
            return self.by if answer_by is None else answer_by
        return min(self.by, answer_by)

    def if_sooner(self, answer_by: float | None) -> timedelta | None:
        """This limit, when it and not that of the whole answer ends the wait."""
        return self.limit if self.by is not None and (answer_by is None or self.by <= answer_by) else None

"""The operating system's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The only reader of the wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place

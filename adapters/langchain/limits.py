"""Time limits, in the forms in which people bring them along from other integrations."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, PositiveFloat


def _plain(value: Any) -> Any:
    """Seconds; of `(connect, read)`, as requests has it, and of an `httpx.Timeout`, the wait for an answer."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple | list):
        pair = cast("Sequence[Any]", value)
        return pair[-1] if pair else "nothing"
    return getattr(value, "read", value)


Seconds = Annotated[PositiveFloat | None, BeforeValidator(_plain)]


def time_limit(value: Any) -> timedelta | None:
    """Raises ValueError for what is no positive number of seconds, in any of the forms; None is none."""
    plain = _plain(value)
    if plain is None:
        return None
    if not float(plain) > 0:
        raise ValueError(f"A time limit is a positive number of seconds, not {value}.")
    return timedelta(seconds=float(plain))

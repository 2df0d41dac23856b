"""What a passage needs of the side on which its request came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from adapters.http_api.metrics import Metrics

if TYPE_CHECKING:
    from adapters.http_api.fast_path.passage import Passage


class CallerWire(Protocol):
    """The way back to the caller: the connection on which the request came.

    While it is `congested`, the caller is behind with reading. `write_now` takes bytes without delay.
    """

    congested: bool

    @property
    def write_now(self) -> Callable[[bytes], None]: ...

    def status_line(self, status: int) -> bytes:
        """It, and the fields that every answer of this server has."""
        ...

    def completed(self, passage: Passage) -> None:
        """The answer has been written to its end."""
        ...

    def hand_over(self, passage: Passage) -> None:
        """The request goes on over ASGI; the passage is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where a request is counted, and its line written."""

    metrics: Metrics
    write: Callable[..., None]

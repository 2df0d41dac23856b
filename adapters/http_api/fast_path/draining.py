"""What is left of an answer after its last event."""

import asyncio

from adapters.http_api.relayed_answer import DRAIN
from ports.transport import Followed


def drain(answer: Followed) -> None:
    """Read it for a moment, and drop it: with its end, the answer's connection can be used again."""

    def look() -> None:
        answer.taken()
        if answer.over() or answer.failure() is not None:
            limit.cancel()

    limit = asyncio.get_running_loop().call_later(DRAIN.total_seconds(), answer.close)
    answer.follow(look)

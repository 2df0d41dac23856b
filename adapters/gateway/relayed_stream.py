"""A relayed answer on its way out."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Self

from domain.concealing import Concealer, without_token
from domain.errors import TransportError
from domain.http import Headers
from domain.upstream_flows import blame_upstream
from ports.transport import AsyncResponseStream


class RelayedStream:
    """An upstream's answer without our token, and whose failures are blamed on the upstream."""

    def __init__(self, stream: AsyncResponseStream, access_token: str) -> None:
        self._stream = stream
        self._pieces: AsyncIterator[bytes] | None = None
        self._received = 0
        self._concealer = Concealer(access_token)
        self._headers = without_token(stream.headers, access_token)

    @property
    def status(self) -> int:
        return self._stream.status

    @property
    def headers(self) -> Headers:
        return self._headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            self._pieces = aiter(self._stream)
        try:
            while True:
                piece = await anext(self._pieces)
                self._received += len(piece)
                passed = self._concealer.feed(piece)
                if passed:
                    return passed
        except StopAsyncIteration:
            rest = self._concealer.rest()
            if not rest:
                raise
            return rest
        except TransportError as error:
            raise blame_upstream(error, begun=True, received=self._received) from error

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        def passed(piece: bytes) -> bool:
            self._received += len(piece)
            piece = self._concealer.feed(piece)
            return not piece or sink(piece)

        try:
            return await self._stream.pour(passed)
        except TransportError as error:
            raise blame_upstream(error, begun=True, received=self._received) from error

    def wait_at_most(self, limit: timedelta) -> None:
        self._stream.wait_at_most(limit)

    async def aclose(self) -> None:
        await self._stream.aclose()

"""A gateway whose upstream is a function of the request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta

from domain.chat import Model
from domain.errors import OCAError
from domain.flows import LoginStatus
from domain.http import Headers
from domain.tokens import TokenState
from domain.words import Text
from ports.gateway import ModelList, Relay

Piece = bytes | OCAError | asyncio.Event
SSE: Headers = (("content-type", "text/event-stream"),)
JSON: Headers = (("content-type", "application/json"),)


class FakeAnswer:
    """An upstream's answer: pieces of its body, failures, and events to wait for between them."""

    def __init__(self, pieces: Iterable[Piece], headers: Headers = JSON, status: int = 200) -> None:
        self._pieces = list(pieces)
        self._status = status
        self._headers = headers
        self.closed = asyncio.Event()
        self.read: list[bytes] = []
        self._coming = self._come()

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Headers:
        return self._headers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._coming

    async def _come(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            match piece:
                case bytes():
                    self.read.append(piece)
                    yield piece
                case OCAError():
                    raise piece
                case _:
                    await piece.wait()

    def wait_at_most(self, limit: timedelta) -> None:
        """Nothing: what holds a piece back here is the test."""

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        async for piece in self._coming:
            if not sink(piece):
                return True
        return False

    async def aclose(self) -> None:
        self.closed.set()


class FakeGateway:
    """Implements ports.gateway.AsyncChatGateway. `opening` holds back an answer until it is set."""

    def __init__(self, answer: Callable[[Relay], FakeAnswer] | None = None, models: ModelList | None = None) -> None:
        self._answer = answer or _empty_object
        self.models = models or ModelList(models=(Model(id="m1"), Model(id="org/m2")))
        self.relayed: list[Relay] = []
        self.refreshed = 0
        self.login_trouble: OCAError | None = None
        self.opening: asyncio.Event | None = None
        self.store_trouble: Text | None = None
        self.closed = False
        self.cancelled_openings = 0

    async def access_token(self) -> str:
        if self.login_trouble is not None:
            raise self.login_trouble
        return "at"

    async def login_status(self) -> LoginStatus:
        return LoginStatus(state=TokenState.FRESH, has_refresh_token=True, trouble=self.store_trouble)

    async def list_models(self, *, refresh: bool = False) -> ModelList:
        self.refreshed += refresh
        return self.models

    async def relay(self, request: Relay) -> FakeAnswer:
        self.relayed.append(request)
        if self.opening is not None:
            try:
                await self.opening.wait()
            except asyncio.CancelledError:
                self.cancelled_openings += 1
                raise
        return self._answer(request)

    async def aclose(self) -> None:
        self.closed = True


def _empty_object(_: Relay) -> FakeAnswer:
    return FakeAnswer([b"{}"])

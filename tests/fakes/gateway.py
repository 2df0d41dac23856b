"""A gateway whose upstream is a function of the request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any, Self

from domain.chat import Model
from domain.errors import OCAError
from domain.flows import LoginStatus
from domain.http import Headers
from domain.tokens import TokenState
from domain.words import Text
from ports.gateway import ModelList, Relay
from ports.transport import Followed

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


class FollowedFake:
    """Implements ports.transport.Followed over the answer that a gateway would give."""

    def __init__(self, opening: Coroutine[Any, Any, FakeAnswer]) -> None:
        self._answer: FakeAnswer | None = None
        self._waiting: list[bytes] = []
        self._failure: Any = None
        self._complete = False
        self._news: Callable[[], None] | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(opening))

    async def _run(self, opening: Coroutine[Any, Any, FakeAnswer]) -> None:
        try:
            self._answer = await opening
            self._tell()
            async for piece in self._answer:
                self._waiting.append(piece)
                self._tell()
            self._complete = True
        except Exception as error:  # noqa: BLE001 - a test's defect is told where its answer is read
            self._failure = error
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        if self._news is not None:
            self._news()

    @property
    def status(self) -> int:
        return 0 if self._answer is None else self._answer.status

    @property
    def headers(self) -> Headers:
        return () if self._answer is None else self._answer.headers

    @property
    def coded(self) -> bool:
        return False

    @property
    def unread(self) -> int:
        return sum(map(len, self._waiting))

    def follow(self, news: Callable[[], None]) -> None:
        self._news = news

    def unfollow(self) -> None:
        self._news = None

    def begun(self) -> bool:
        return self._answer is not None

    def whole(self) -> bytes | None:
        return b"".join(self._waiting) if self._complete else None

    def taken(self) -> bytes:
        piece = b"".join(self._waiting)
        self._waiting.clear()
        return piece

    def going_on(self) -> bool:
        return not self._complete and self._failure is None

    def over(self) -> bool:
        over = self._complete and not self._waiting
        if over:
            self.close()
        return over

    def failure(self) -> OCAError | None:
        return None if self._waiting else self._failure

    def close(self) -> None:
        self._news = None
        self._task.cancel()
        if self._answer is not None:
            self._closing = asyncio.ensure_future(self._answer.aclose())

    # For whoever goes on with it.

    async def opened(self) -> Self:
        try:
            while self._answer is None and self._failure is None:
                await self._change()
        except asyncio.CancelledError:
            self.close()
            raise
        if self._answer is None and self._failure is not None:
            raise self._failure
        return self

    def wait_at_most(self, limit: timedelta) -> None:
        """Nothing, as for FakeAnswer."""

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        async for piece in self:
            if not sink(piece):
                return True
        return False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._waiting:
                yield self._waiting.pop(0)
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def aclose(self) -> None:
        self._task.cancel()
        if self._answer is not None:
            await self._answer.aclose()


class FakeGateway:
    """Implements ports.gateway.AsyncChatGateway. `opening` holds back an answer until it is set.

    `at_once`: all that a request needs is at hand.
    """

    at_once = True

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

    async def relay(self, request: Relay, asked: Followed | None = None) -> FakeAnswer | FollowedFake:
        if isinstance(asked, FollowedFake):
            return await asked.opened()
        return await self._opened(request)

    def ask_at_once(self, request: Relay) -> FollowedFake | None:
        return FollowedFake(self._opened(request)) if self.at_once else None

    async def _opened(self, request: Relay) -> FakeAnswer:
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

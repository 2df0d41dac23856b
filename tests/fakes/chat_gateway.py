"""A gateway, and a chat for event loops, that answers from a script."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from types import TracebackType

from typing_extensions import override

from domain.chat import ChatRequest, ChatResponse, Model
from domain.errors import TokenError, UpstreamError
from domain.events import StreamEvent, fold
from domain.flows import LoginStatus
from domain.tokens import TokenState
from ports.gateway import USUAL_TERMS, ChatTerms, ModelList

Step = StreamEvent | TokenError | UpstreamError | Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One answer. `refusal` is raised on entering; an error among the `steps` is raised, and a callable called.

    A callable may wait: where an event loop asks, it is called in another thread.
    """

    steps: tuple[Step, ...] = ()
    refusal: TokenError | UpstreamError | None = None


class FakeChatGateway:
    """Answers each request with the next script; out of scripts, it fails the test.

    It implements both ports.gateway.ChatGateway and ports.gateway.AsyncChat: what `stream` returns can be entered
    either way.
    """

    def __init__(self, *scripts: Script, models: Iterable[str] = ("model-a", "model-b"), trouble: str = "") -> None:
        self.requests: list[ChatRequest] = []
        self.terms: list[ChatTerms] = []
        self.model_list = ModelList(models=tuple(Model(id=name) for name in models), trouble=trouble)
        self.status: LoginStatus | TokenError = LoginStatus(state=TokenState.FRESH, has_refresh_token=True)
        self.times_listed = 0
        self._scripts = deque(scripts)
        self._changed = threading.Condition()
        self._closed = 0

    def answers_next(self, *scripts: Script) -> None:
        self._scripts.extend(scripts)

    @property
    def closed(self) -> int:
        """How many streams have been left again, cancelled ones included."""
        with self._changed:
            return self._closed

    def wait_until_closed(self, count: int, *, timeout_s: float = 10) -> bool:
        """Whether so many streams are closed, within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed >= count, timeout_s)

    def access_token(self) -> str:
        return "fake-access-token"

    def login_status(self) -> LoginStatus:
        if isinstance(self.status, TokenError):
            raise self.status
        return self.status

    def list_models(self) -> ModelList:
        self.times_listed += 1
        return self.model_list

    def stream(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> "_Stream":
        return _Stream(self._blocking(request, terms), self._asyncio(request, terms))

    async def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        async with self._asyncio(request, terms) as events:
            return fold([event async for event in events])

    @contextmanager
    def _blocking(self, request: ChatRequest, terms: ChatTerms) -> Generator[Iterator[StreamEvent]]:
        steps = self._next(request, terms)
        try:
            yield _play(steps)
        finally:
            self._count()

    @asynccontextmanager
    async def _asyncio(self, request: ChatRequest, terms: ChatTerms) -> AsyncGenerator[AsyncIterator[StreamEvent]]:
        steps = self._next(request, terms)
        try:
            async with aclosing(_play_in_loop(steps)) as events:
                yield events
        finally:
            self._count()

    def _next(self, request: ChatRequest, terms: ChatTerms) -> tuple[Step, ...]:
        self.requests.append(request)
        self.terms.append(terms)
        script = self._scripts.popleft()
        if script.refusal is not None:
            raise script.refusal
        return script.steps

    def _count(self) -> None:
        with self._changed:
            self._closed += 1
            self._changed.notify_all()


class _Stream(AbstractContextManager[Iterator[StreamEvent]], AbstractAsyncContextManager[AsyncIterator[StreamEvent]]):
    """An answer that has not been asked for; the way in which it is entered decides how."""

    def __init__(
        self,
        blocking: AbstractContextManager[Iterator[StreamEvent]],
        for_loops: AbstractAsyncContextManager[AsyncIterator[StreamEvent]],
    ) -> None:
        self._blocking = blocking
        self._for_loops = for_loops

    @override
    def __enter__(self) -> Iterator[StreamEvent]:
        return self._blocking.__enter__()

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._blocking.__exit__(kind, error, traceback)

    @override
    async def __aenter__(self) -> AsyncIterator[StreamEvent]:
        return await self._for_loops.__aenter__()

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._for_loops.__aexit__(kind, error, traceback)


def _play(steps: Iterable[Step]) -> Iterator[StreamEvent]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        else:
            yield step


async def _play_in_loop(steps: Iterable[Step]) -> AsyncGenerator[StreamEvent]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if callable(step):
            await asyncio.to_thread(step)
        else:
            yield step

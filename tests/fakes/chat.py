"""A model that answers from scripts of domain events, and the token manager that leads to it."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from adapters.gateway.token_manager import OCAOauth2TokenManager
from config.settings import Settings
from domain.chat import ChatRequest, ChatResponse
from domain.errors import OCAError
from domain.events import StreamEvent, fold
from ports.gateway import USUAL_TERMS, AsyncChat, Chat, ChatTerms

Step = StreamEvent | OCAError


class Scripts:
    """Each question gets the next script; the last one is played again and again. An error in it is raised."""

    def __init__(self, *scripts: Iterable[Step]) -> None:
        self._scripts = deque(tuple(script) for script in scripts)
        self.asked: list[tuple[ChatRequest, ChatTerms]] = []

    def next(self, request: ChatRequest, terms: ChatTerms) -> Iterator[StreamEvent]:
        self.asked.append((request, terms))
        script = self._scripts.popleft() if len(self._scripts) > 1 else self._scripts[0]
        return _played(script)


class FakeChat:
    """Implements ports.gateway.Chat."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @contextmanager
    def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> Generator[Iterator[StreamEvent], None, None]:
        yield self._scripts.next(request, terms)

    def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        return fold(self._scripts.next(request, terms))


class FakeAsyncChat:
    """Implements ports.gateway.AsyncChat."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AsyncGenerator[AsyncIterator[StreamEvent], None]:
        yield _aplayed(self._scripts.next(request, terms))

    async def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        return fold(self._scripts.next(request, terms))


class FakeTokenManager(OCAOauth2TokenManager):
    """Leads to scripts in place of an upstream; needs no `.env`."""

    def __init__(self, *scripts: Iterable[Step]) -> None:
        settings = {
            "env_file": Path("/nowhere/.env"),
            "llm_api_key": "fake-key",
            "llm_api_url": "https://fake.example/v1",
            "llm_model_name": "fake-model",
        }
        super().__init__(settings=Settings.model_validate(settings))
        self._scripts = tuple(tuple(script) for script in scripts)
        self.scripts = Scripts(*self._scripts)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._scripts

    @override
    def chat(self, base_url: str) -> Chat:
        return FakeChat(self.scripts)

    @override
    def async_chat(self, base_url: str) -> AsyncChat:
        return FakeAsyncChat(self.scripts)


def _played(script: Iterable[Step]) -> Iterator[StreamEvent]:
    for step in script:
        if isinstance(step, OCAError):
            raise step
        yield step


async def _aplayed(events: Iterator[StreamEvent]) -> AsyncIterator[StreamEvent]:
    for event in events:
        yield event

"""What the core offers: the inbound port of pages, libraries and servers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from domain.chat import ChatRequest, ChatResponse, Model
from domain.events import StreamEvent
from domain.http import Headers
from domain.words import Text
from ports.transport import AsyncResponseStream, Followed

if TYPE_CHECKING:
    # Not at run time: whoever only asks the model does without the token flows.
    from domain.flows import LoginStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The models on offer. `trouble` is empty, or tells why only the default model is listed."""

    models: tuple[Model, ...]
    trouble: str | Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A caller's request, on its way to the upstream as it is.

    `path` is the operation below the API's root, such as `chat/completions`; `headers` are the caller's own, but for
    the request's id.
    """

    path: str
    query: str
    request_id: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTerms:
    """How a question is to be asked. None: as the settings have it.

    `silence` limits each wait for bytes of the answer; `between_chunks` the wait for the next chunk of a stream, and
    comments that keep a connection alive are no chunks. A request that failed before its answer began is sent again up
    to `retries` times. `headers` are further header fields; the token is not theirs to replace.
    """

    silence: timedelta | None = None
    between_chunks: timedelta | None = None
    retries: int = 0
    headers: Headers = field(default=(), repr=False)


USUAL_TERMS = ChatTerms()


class Chat(Protocol):
    """Asks the model; blocking, safe to share between threads."""

    def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AbstractContextManager[Iterator[StreamEvent]]:
        """Ask, and yield the answer as it comes; leaving the context closes the upstream's stream.

        Raises TokenError and UpstreamError, on entering or while iterating.
        """
        ...

    def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        """Ask, and return the answer whole, of a request that does not stream. Raises TokenError, UpstreamError."""
        ...


class AsyncChat(Protocol):
    """As Chat, for any number of event loops."""

    def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]: ...

    async def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse: ...


class ChatGateway(Protocol):
    """Blocking; safe to share between threads."""

    def access_token(self) -> str:
        """A valid access token. Raises TokenError."""
        ...

    def login_status(self) -> "LoginStatus":
        """Where the login stands, without asking anybody. Raises TokenStoreError."""
        ...

    def list_models(self) -> ModelList:
        """The upstream's models; where they cannot be had, the default model alone. Never raises OCAError."""
        ...

    def stream(self, request: ChatRequest) -> AbstractContextManager[Iterator[StreamEvent]]:
        """As Chat.stream."""
        ...


class AsyncChatGateway(Protocol):
    """For one asyncio event loop."""

    async def access_token(self) -> str: ...

    async def login_status(self) -> "LoginStatus": ...

    async def list_models(self, *, refresh: bool = False) -> ModelList:
        """As ChatGateway.list_models, cached; `refresh` asks the upstream again."""
        ...

    async def relay(self, request: Relay, asked: Followed | None = None) -> AsyncResponseStream:
        """Pass a request on; the answer's status is 2xx. Its body raises UpstreamError when it breaks.

        `asked` is what `ask_at_once` has begun for this request, and of which nothing was taken. Raises TokenError,
        UpstreamError.
        """
        ...

    def ask_at_once(self, request: Relay) -> Followed | None:
        """Pass a request on without waiting for anything: token and route are at hand. None: they are not.

        The answer may have any status; it fails with UpstreamError.
        """
        ...

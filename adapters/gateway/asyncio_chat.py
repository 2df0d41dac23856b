"""Asking the model from event loops."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import cast

from adapters.gateway.asking import DRAIN, AnswerReader, Asking
from adapters.gateway.asyncio import AsyncioDriver
from adapters.gateway.catalog import models_in
from domain.chat import ChatRequest, ChatResponse
from domain.errors import OCAError, TransportError, UpstreamStatusError
from domain.events import StreamEvent
from domain.upstream_flows import blame_upstream
from ports.gateway import USUAL_TERMS, ChatTerms
from ports.transport import AsyncResponseStream


class AsyncioChat:
    """Implements ports.gateway.AsyncChat; its driver's transport must serve any event loop."""

    def __init__(self, *, driver: AsyncioDriver, asking: Asking) -> None:
        self._driver = driver
        self._asking = asking

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AsyncGenerator[AsyncIterator[StreamEvent], None]:
        try:
            opened = await self._driver.run(self._asking.open(request, terms))
        except UpstreamStatusError as error:
            raise await self._explained(error, request.model) from error.__cause__
        async with aclosing(cast("AsyncResponseStream", opened.stream)) as stream:
            reader = self._asking.reader(opened.access_token, terms)
            yield _events(stream, reader)
            if reader.done:
                # The end of the body often follows in the next packet; a connection read to its end can be used again.
                stream.wait_at_most(DRAIN)
                with suppress(TransportError):
                    await anext(aiter(stream), None)

    async def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        try:
            return self._asking.whole(await self._driver.run(self._asking.fetch(request, terms)))
        except UpstreamStatusError as error:
            raise await self._explained(error, request.model) from error.__cause__

    async def _explained(self, error: UpstreamStatusError, model: str) -> UpstreamStatusError:
        """The error, with names that come near that of a model that the upstream does not know."""
        flow = self._asking.model_list() if self._driver.memory.wants_models(error) else None
        if flow is not None:
            with suppress(OCAError):
                self._driver.memory.know(models_in(await self._driver.run(flow)))
        return self._driver.memory.explained(error, model)


async def _events(stream: AsyncResponseStream, reader: AnswerReader) -> AsyncIterator[StreamEvent]:
    pieces = aiter(stream)
    try:
        while not reader.done:
            if (limit := reader.patience()) is not None:
                stream.wait_at_most(limit)
            piece = await anext(pieces, None)
            if piece is None:
                break
            for event in reader.feed(piece):
                yield event
    except TransportError as error:
        raise blame_upstream(error, begun=True, received=reader.received) from error
    for event in reader.finish():
        yield event

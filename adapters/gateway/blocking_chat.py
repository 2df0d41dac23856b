"""Asking the model from threads."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import cast

from adapters.gateway.asking import DRAIN, AnswerReader, Asking
from adapters.gateway.blocking import BlockingDriver
from adapters.gateway.catalog import models_in
from domain.chat import ChatRequest, ChatResponse
from domain.errors import OCAError, TransportError, UpstreamStatusError
from domain.events import StreamEvent
from domain.upstream_flows import blame_upstream
from ports.gateway import USUAL_TERMS, ChatTerms
from ports.transport import ResponseStream


class BlockingChat:
    """Implements ports.gateway.Chat."""

    def __init__(self, *, driver: BlockingDriver, asking: Asking) -> None:
        self._driver = driver
        self._asking = asking

    @contextmanager
    def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> Generator[Iterator[StreamEvent], None, None]:
        try:
            opened = self._driver.run(self._asking.open(request, terms))
        except UpstreamStatusError as error:
            raise self._explained(error, request.model) from error.__cause__
        with closing(cast("ResponseStream", opened.stream)) as stream:
            reader = self._asking.reader(opened.access_token, terms)
            yield _events(stream, reader)
            if reader.done:
                # The end of the body often follows in the next packet; a connection read to its end can be used again.
                stream.wait_at_most(DRAIN)
                with suppress(TransportError):
                    next(iter(stream), None)

    def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        try:
            return self._asking.whole(self._driver.run(self._asking.fetch(request, terms)))
        except UpstreamStatusError as error:
            raise self._explained(error, request.model) from error.__cause__

    def _explained(self, error: UpstreamStatusError, model: str) -> UpstreamStatusError:
        """The error, with names that come near that of a model that the upstream does not know."""
        flow = self._asking.model_list() if self._driver.memory.wants_models(error) else None
        if flow is not None:
            with suppress(OCAError):
                self._driver.memory.know(models_in(self._driver.run(flow)))
        return self._driver.memory.explained(error, model)


def _events(stream: ResponseStream, reader: AnswerReader) -> Iterator[StreamEvent]:
    pieces = iter(stream)
    try:
        while not reader.done:
            if (limit := reader.patience()) is not None:
                stream.wait_at_most(limit)
            piece = next(pieces, None)
            if piece is None:
                break
            yield from reader.feed(piece)
    except TransportError as error:
        raise blame_upstream(error, begun=True, received=reader.received) from error
    yield from reader.finish()

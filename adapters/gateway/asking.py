"""How a question goes out and its answer is read, for the blocking and the asyncio chat alike."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from adapters.gateway.endpoints import CHAT, Endpoints
from domain.chat import ChatRequest, ChatResponse
from domain.concealing import Concealer
from domain.effects import Flow
from domain.errors import StreamInterruptedError
from domain.events import StreamEvent
from domain.flows import Credential
from domain.http import HttpRequest, HttpResponse, Timeouts
from domain.retrying import RetryPolicy, answer_flow, patient_stream_flow
from domain.upstream_flows import AuthorizedStream, Upstream, list_models_flow
from domain.words import Text
from ports.codec import ChatCodec
from ports.gateway import ChatTerms

MAX_ANSWER_BYTES = 64 * 1024 * 1024
# After the last chunk: so long is the end of the body awaited, for the connection's sake.
DRAIN = timedelta(seconds=0.25)

_JSON = ("Content-Type", "application/json")


class Asking:
    """Makes the flow of a question, and the reader of its answer."""

    def __init__(self, *, credential: Credential, upstream: Upstream, endpoints: Endpoints, codec: ChatCodec) -> None:
        self._credential = credential
        self._upstream = upstream
        self._url = endpoints.url(CHAT)
        self._codec = codec

    def open(self, request: ChatRequest, terms: ChatTerms) -> Flow[AuthorizedStream]:
        """Ask for a stream."""
        outgoing = self._outgoing(request, terms, stream=True)
        return patient_stream_flow(self._credential, self._to(terms), outgoing, _retries(terms))

    def fetch(self, request: ChatRequest, terms: ChatTerms) -> Flow[HttpResponse]:
        """Ask for a whole answer."""
        outgoing = self._outgoing(request, terms, stream=False)
        policy = _retries(terms)
        return answer_flow(self._credential, self._to(terms), outgoing, policy, max_bytes=MAX_ANSWER_BYTES)

    def model_list(self) -> Flow[HttpResponse] | None:
        """Ask for the model list; None where no address for it is known."""
        url = self._upstream.models_url
        return None if url is None else list_models_flow(self._credential, self._upstream, url)

    def whole(self, response: HttpResponse) -> ChatResponse:
        """The answer in a response. Raises UpstreamStatusError, UpstreamProtocolError."""
        return self._codec.decode_response(response.body)

    def reader(self, access_token: str, terms: ChatTerms) -> "AnswerReader":
        return AnswerReader(self._codec, access_token, terms.between_chunks or self._to(terms).inference.read)

    def _outgoing(self, request: ChatRequest, terms: ChatTerms, *, stream: bool) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=self._url,
            headers=(_JSON, ("Accept", "text/event-stream" if stream else "application/json")),
            body=self._codec.encode_request(request, stream=stream),
        ).with_headers(terms.headers)

    def _to(self, terms: ChatTerms) -> Upstream:
        if terms.silence is None:
            return self._upstream
        connect = min(self._upstream.inference.connect, terms.silence)
        return replace(self._upstream, inference=Timeouts(connect=connect, read=terms.silence))


class AnswerReader:
    """Reads one stream, and says when its next piece has the whole limit to itself.

    A piece that completes no chunk, such as a comment that keeps the connection alive, does not begin the wait anew.
    """

    def __init__(self, codec: ChatCodec, access_token: str, limit: timedelta) -> None:
        self._decoder = codec.stream_decoder()
        self._concealer = Concealer(access_token)
        self._limit = limit
        self._waiting = False
        self._chunks = 0
        self._told = False
        self.received = 0  # bytes

    @property
    def done(self) -> bool:
        return self._decoder.done

    def patience(self) -> timedelta | None:
        """How long to wait at most for the next chunk, from now on; None: the wait under way goes on."""
        waiting, self._waiting = self._waiting, True
        return None if waiting else self._limit

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """The events that a piece completes."""
        self.received += len(piece)
        events = self._decoder.feed(self._concealer.feed(piece))
        if self._decoder.chunks > self._chunks:
            self._chunks = self._decoder.chunks
            self._waiting = False
        return iter(events) if self._told else self._first(events)

    def finish(self) -> Iterator[StreamEvent]:
        """What is left at the end. Raises StreamInterruptedError when the answer is not complete."""
        rest = self._concealer.rest()
        last = [*(self._decoder.feed(rest) if rest else ()), *self._decoder.finish()]
        if not (self._told or last):
            raise StreamInterruptedError(
                Text(
                    "The upstream ended its stream without an answer: nothing came. Send the request again.",
                    "上游未作回答就结束了流：没有收到任何内容。请重新发送请求。",
                )
            )
        return iter(last)

    def _first(self, events: Iterable[StreamEvent]) -> Iterator[StreamEvent]:
        for event in events:
            self._told = True
            yield event


def _retries(terms: ChatTerms) -> RetryPolicy:
    return RetryPolicy(retries=terms.retries, jitter=random.random())  # noqa: S311 - spreads retries, guards nothing

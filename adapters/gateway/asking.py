"""How a question goes out and its answer is read, for the blocking and the asyncio chat alike."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from adapters.gateway.endpoints import CHAT, Endpoints
from domain.chat import ChatRequest, ChatResponse
from domain.effects import Flow
from domain.events import StreamEvent
from domain.flows import Credential
from domain.http import HttpRequest, HttpResponse, Timeouts
from domain.retrying import RetryPolicy, answer_flow, patient_stream_flow
from domain.upstream_flows import AuthorizedStream, Upstream, concealed
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
    """Reads one stream, and says how long its next piece may take.

    Only waiting counts: a consumer may take its time with a chunk. A piece that completes no chunk, such as a comment
    that keeps the connection alive, does not begin the wait anew.
    """

    def __init__(
        self, codec: ChatCodec, access_token: str, limit: timedelta, *, now: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._decoder = codec.stream_decoder()
        self._access_token = access_token
        self._limit = limit
        self._waited_s = 0.0
        self._since = 0.0
        self._chunks = 0

    @property
    def done(self) -> bool:
        return self._decoder.done

    def patience(self) -> timedelta:
        """How long to wait at most for the next piece, from now on."""
        self._since = self._now()
        return self._limit - timedelta(seconds=self._waited_s) if self._waited_s else self._limit

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """The events that a piece completes; to be called as soon as it has come."""
        events = self._decoder.feed(concealed(piece, self._access_token))
        if self._decoder.chunks > self._chunks:
            self._chunks = self._decoder.chunks
            self._waited_s = 0.0
        else:
            self._waited_s += self._now() - self._since
        return iter(events)

    def finish(self) -> Iterator[StreamEvent]:
        """What is left at the end. Raises StreamInterruptedError when the answer is not complete."""
        return iter(self._decoder.finish())


def _retries(terms: ChatTerms) -> RetryPolicy:
    return RetryPolicy(retries=terms.retries, jitter=random.random())  # noqa: S311 - spreads retries, guards nothing

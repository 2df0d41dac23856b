"""Both chats over the same scenarios: what goes out, what comes back, and what is closed."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.gateway.asking import Asking
from adapters.gateway.asyncio_chat import AsyncioChat
from adapters.gateway.blocking_chat import BlockingChat
from adapters.gateway.endpoints import Endpoints
from adapters.wire.openai_chat import OpenAIChatCodec
from domain.chat import ChatRequest, ChatResponse, Message, TextPart
from domain.errors import (
    ConnectionLostError,
    StreamInterruptedError,
    UpstreamProtocolError,
    UpstreamStatusError,
    UpstreamTimeoutError,
)
from domain.events import StreamEvent, fold
from domain.http import HttpResponse, Route, find_header
from domain.tokens import TokenSet
from ports.gateway import ChatTerms
from tests.adapters.gateway.test_drivers import Ports
from tests.domain.test_flows import LOGIN
from tests.domain.test_upstream_flows import UPSTREAM
from tests.fakes.transport import Exchange, Reply, Scripted

QUESTION = ChatRequest(model="m", messages=(Message(role="user", content=(TextPart(text="hi"),)),))
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = HttpResponse(
    status=200,
    body=json.dumps({"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode(),
)


class Chats:
    """One of the two chats, asked from a test that does not know which."""

    def __init__(self, kind: str) -> None:
        self.ports = Ports(kind)
        self.ports.store.stored = TokenSet(
            access_token="at", refresh_token="rt0", expires_at=datetime(2030, 1, 1, tzinfo=UTC)
        )
        self.ports.routes.remember(Route.DIRECT)
        asking = Asking(
            credential=LOGIN,
            upstream=UPSTREAM,
            endpoints=Endpoints(UPSTREAM.chat_url),
            codec=OpenAIChatCodec(),
        )
        self._blocking = BlockingChat(driver=self.ports.blocking, asking=asking)
        self._asyncio = AsyncioChat(driver=self.ports.asyncio, asking=asking)

    def answers(self, *replies: Reply) -> None:
        left = list(replies)
        self.ports.upstream = lambda _request, _route: left.pop(0)

    def stream(self, terms: ChatTerms | None = None, *, leave_after: int | None = None) -> list[StreamEvent]:
        chosen = terms or ChatTerms()
        if self.ports.kind == "asyncio":
            return asyncio.run(self._astream(chosen, leave_after))
        heard: list[StreamEvent] = []
        with self._blocking.stream(QUESTION, chosen) as events:
            for event in events:
                heard.append(event)
                if len(heard) == leave_after:
                    break
        return heard

    def complete(self, terms: ChatTerms | None = None) -> ChatResponse:
        chosen = terms or ChatTerms()
        if self.ports.kind == "asyncio":
            return asyncio.run(self._asyncio.complete(QUESTION, chosen))
        return self._blocking.complete(QUESTION, chosen)

    @property
    def exchanges(self) -> list[Exchange]:
        return [*self.ports.transport.exchanges, *self.ports.async_transport.exchanges]

    async def _astream(self, terms: ChatTerms, leave_after: int | None) -> list[StreamEvent]:
        heard: list[StreamEvent] = []
        async with self._asyncio.stream(QUESTION, terms) as events:
            async for event in events:
                heard.append(event)
                if len(heard) == leave_after:
                    break
        return heard


@pytest.fixture(params=["blocking", "asyncio"])
def chats(request: pytest.FixtureRequest) -> Iterator[Chats]:
    made = Chats(request.param)
    yield made
    made.ports.blocking.refresher.wait()


def test_a_stream_is_asked_for_with_our_token_and_read_to_its_end(chats: Chats) -> None:
    chats.answers(Scripted(pieces=(WORD[:9], WORD[9:] + STOP, DONE)))
    answer = fold(chats.stream())
    assert (answer.message.text, answer.finish_reason) == ("Hello", "stop")
    request = chats.exchanges[0].request
    assert find_header(request.headers, "authorization") == "Bearer at"
    assert json.loads(request.body)["stream"] is True
    assert chats.ports.streams[0].closed


def test_the_connection_can_be_used_again_after_done(chats: Chats) -> None:
    chats.answers(Scripted(pieces=(WORD + STOP + DONE,)))
    chats.stream()
    assert chats.ports.streams[0].ended


def test_an_upstream_that_does_not_hang_up_after_done_does_not_hold_the_answer_back(chats: Chats) -> None:
    chats.answers(Scripted(pieces=(WORD + STOP + DONE, timedelta(hours=1), b"late")))
    assert fold(chats.stream()).message.text == "Hello"
    assert chats.ports.streams[0].closed
    assert not chats.ports.streams[0].ended


def test_leaving_early_closes_the_upstreams_answer(chats: Chats) -> None:
    chats.answers(Scripted(pieces=(WORD, WORD, STOP)))
    assert len(chats.stream(leave_after=2)) == 2
    assert chats.ports.streams[0].closed
    assert not chats.ports.streams[0].ended


def test_a_stream_that_stalls_between_two_chunks_times_out_although_comments_come(chats: Chats) -> None:
    silence: tuple[bytes | timedelta, ...] = (b": keep-alive\n\n", timedelta(seconds=4)) * 3
    chats.answers(Scripted(pieces=(WORD, *silence, STOP)))
    with pytest.raises(UpstreamTimeoutError, match="stream_chunk_timeout"):
        chats.stream(ChatTerms(between_chunks=timedelta(seconds=3)))
    assert chats.ports.streams[0].closed


@pytest.mark.parametrize("end", [ConnectionLostError("reset"), b""])
def test_a_stream_that_breaks_or_just_ends_is_no_answer(chats: Chats, end: ConnectionLostError | bytes) -> None:
    chats.answers(Scripted(pieces=(WORD, end)))
    with pytest.raises(StreamInterruptedError):
        chats.stream()


def test_a_whole_answer_is_asked_for_and_read(chats: Chats) -> None:
    chats.answers(WHOLE)
    assert chats.complete().message.text == "Hello"
    request = chats.exchanges[0].request
    assert json.loads(request.body)["stream"] is False
    assert find_header(request.headers, "accept") == "application/json"


def test_the_terms_limit_the_silence_and_add_headers_but_not_the_token(chats: Chats) -> None:
    chats.answers(WHOLE)
    silence = timedelta(seconds=3)
    chats.complete(ChatTerms(silence=silence, headers=(("X-Own", "1"), ("Authorization", "Bearer forged"))))
    exchange = chats.exchanges[0]
    assert exchange.timeouts.read == silence
    assert exchange.timeouts.connect <= silence
    assert find_header(exchange.request.headers, "x-own") == "1"
    assert find_header(exchange.request.headers, "authorization") == "Bearer at"


def test_what_may_pass_is_asked_again_as_often_as_the_terms_allow(chats: Chats) -> None:
    busy = HttpResponse(status=503, headers=(("retry-after-ms", "1"),), body=b"busy")
    chats.answers(busy, busy, WHOLE)
    assert chats.complete(ChatTerms(retries=2)).message.text == "Hello"
    chats.answers(busy, Scripted(pieces=(WORD, STOP, DONE)))
    assert fold(chats.stream(ChatTerms(retries=1))).message.text == "Hello"
    chats.answers(busy, WHOLE)
    with pytest.raises(UpstreamStatusError):
        chats.complete()


def test_nothing_is_asked_again_once_a_chunk_has_been_handed_out(chats: Chats) -> None:
    chats.answers(Scripted(pieces=(WORD, ConnectionLostError("reset"))), Scripted(pieces=(WORD, STOP)))
    with pytest.raises(StreamInterruptedError):
        chats.stream(ChatTerms(retries=5))
    assert len(chats.exchanges) == 1


def test_nonsense_in_place_of_an_answer_is_the_upstreams_fault(chats: Chats) -> None:
    chats.answers(HttpResponse(status=200, body=b"<html>log in</html>"))
    with pytest.raises(UpstreamProtocolError):
        chats.complete()

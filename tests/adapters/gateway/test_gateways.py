"""The two gateways over fakes: the model list, the relay, the translated stream."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.gateway.asking import Asking
from adapters.gateway.asyncio import CATALOG_LIFETIME, TROUBLE_LIFETIME, AsyncioGateway
from adapters.gateway.blocking import BlockingGateway
from adapters.gateway.blocking_chat import BlockingChat
from adapters.gateway.endpoints import Endpoints
from adapters.wire.openai_chat import OpenAIChatCodec
from domain.chat import ChatRequest, Message, TextPart
from domain.errors import ConnectionLostError, StreamInterruptedError, UpstreamError
from domain.events import TextDelta, fold
from domain.http import HttpRequest, HttpResponse, Route, find_header
from domain.tokens import TokenSet
from ports.gateway import Relay
from tests.adapters.gateway.test_drivers import Ports
from tests.domain.test_flows import LOGIN
from tests.domain.test_upstream_flows import UPSTREAM
from tests.fakes.transport import Reply, Scripted

FRESH = TokenSet(access_token="at", refresh_token="rt0", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
ENDPOINTS = Endpoints(UPSTREAM.chat_url)
ASKING = Asking(credential=LOGIN, upstream=UPSTREAM, endpoints=ENDPOINTS, codec=OpenAIChatCodec())
RELAY = Relay(
    path="chat/completions",
    query="",
    request_id="req_1",
    headers=(("Authorization", "Bearer callers"), ("X-Own", "1")),
    body=b"{}",
)
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content=(TextPart(text="hi"),)),))


def listed(*ids: str) -> HttpResponse:
    return HttpResponse(status=200, body=json.dumps({"data": [{"id": each} for each in ids]}).encode())


def ports_with(*answers: Reply) -> Ports:
    ports = Ports("asyncio")
    ports.store.stored = FRESH
    ports.routes.remember(Route.DIRECT)
    left = list(answers)
    ports.upstream = lambda _request, _route: left.pop(0)
    return ports


def asyncio_gateway(ports: Ports, *, models_url: str | None = UPSTREAM.models_url) -> AsyncioGateway:
    return AsyncioGateway(
        driver=ports.asyncio,
        clock=ports.clock,
        credential=LOGIN,
        upstream=replace(UPSTREAM, models_url=models_url),
        endpoints=ENDPOINTS,
        default_model="default",
    )


def blocking_gateway(ports: Ports) -> BlockingGateway:
    return BlockingGateway(
        driver=ports.blocking,
        credential=LOGIN,
        upstream=UPSTREAM,
        chat=BlockingChat(driver=ports.blocking, asking=ASKING),
        default_model="default",
    )


async def ids(gateway: AsyncioGateway, *, refresh: bool = False) -> list[str]:
    return [model.id for model in (await gateway.list_models(refresh=refresh)).models]


async def test_the_list_is_fetched_once_for_a_crowd_and_kept() -> None:
    ports = ports_with(listed("a", "b"))
    gateway = asyncio_gateway(ports)
    assert await asyncio.gather(*(ids(gateway) for _ in range(8))) == [["a", "b"]] * 8
    assert await ids(gateway) == ["a", "b"]
    assert len(ports.async_transport.exchanges) == 1


async def test_an_old_list_is_handed_out_at_once_while_a_new_one_is_fetched() -> None:
    ports = ports_with(listed("old"), listed("new"))
    gateway = asyncio_gateway(ports)
    assert await ids(gateway) == ["old"]
    ports.clock.advance(CATALOG_LIFETIME)
    assert await ids(gateway) == ["old"]
    await asyncio.sleep(0.01)
    assert await ids(gateway) == ["new"]


async def test_a_refresh_asks_again_and_waits_for_it() -> None:
    gateway = asyncio_gateway(ports_with(listed("old"), listed("new")))
    assert await ids(gateway) == ["old"]
    assert await ids(gateway, refresh=True) == ["new"]


@pytest.mark.parametrize(
    "answer",
    [HttpResponse(status=500), HttpResponse(status=200, body=b"<html>"), listed(), ConnectionLostError("reset")],
)
async def test_without_a_list_the_default_model_is_listed_and_the_reason_told(answer: Reply) -> None:
    ports = ports_with(answer, answer, listed("a"))
    ports.routes.remember(Route.DIRECT)
    gateway = asyncio_gateway(ports)
    fallback = await gateway.list_models()
    assert [model.id for model in fallback.models] == ["default"]
    assert str(fallback.trouble).startswith("Only the default model is listed: ")
    before = len(ports.async_transport.exchanges)
    await ids(gateway)
    assert len(ports.async_transport.exchanges) == before, "not with every request"


async def test_a_list_that_could_not_be_had_is_asked_for_again_soon() -> None:
    ports = ports_with(HttpResponse(status=500), listed("a"))
    gateway = asyncio_gateway(ports)
    assert await ids(gateway) == ["default"]
    ports.clock.advance(TROUBLE_LIFETIME)
    await ids(gateway)
    await asyncio.sleep(0.01)
    assert await ids(gateway) == ["a"]


async def test_a_good_list_outlives_a_bad_answer() -> None:
    gateway = asyncio_gateway(ports_with(listed("a"), HttpResponse(status=500)))
    assert await ids(gateway) == ["a"]
    assert await ids(gateway, refresh=True) == ["a"]


async def test_without_an_address_of_a_list_the_default_model_is_all_there_is() -> None:
    ports = ports_with()
    assert await ids(asyncio_gateway(ports, models_url=None)) == ["default"]
    assert ports.async_transport.exchanges == []


async def test_a_relayed_request_carries_our_token_and_never_the_callers() -> None:
    ports = ports_with(Scripted(status=200, pieces=(b"a", b"b")))
    stream = await asyncio_gateway(ports).relay(RELAY)
    assert [piece async for piece in stream] == [b"a", b"b"]
    await stream.aclose()
    (exchange,) = ports.async_transport.exchanges
    sent = exchange.request
    assert (sent.url, sent.body) == (UPSTREAM.chat_url, b"{}")
    assert find_header(sent.headers, "authorization") == "Bearer at"
    assert find_header(sent.headers, "x-own") == "1"
    assert find_header(sent.headers, "accept-encoding") == "identity"
    assert exchange.timeouts == UPSTREAM.inference
    assert ports.async_transport.streams[0].closed


async def test_a_relayed_body_that_breaks_is_the_upstreams_fault() -> None:
    stream = await asyncio_gateway(ports_with(Scripted(pieces=(b"a", ConnectionLostError("reset"))))).relay(RELAY)
    with pytest.raises(StreamInterruptedError):
        [piece async for piece in stream]


async def test_a_token_that_the_upstream_repeats_does_not_come_back_with_its_answer() -> None:
    headers = (("X-Echo", "Bearer the-access-token"), ("X-Other", "1"))
    ports = ports_with(Scripted(headers=headers, pieces=(b'{"error": "the-access-token"}',)))
    ports.store.stored = replace(FRESH, access_token="the-access-token")
    stream = await asyncio_gateway(ports).relay(RELAY)
    assert [piece async for piece in stream] == [b'{"error": "***"}']
    assert stream.headers == (("X-Other", "1"),)


async def test_the_async_gateway_hands_out_the_access_token() -> None:
    assert await asyncio_gateway(ports_with()).access_token() == "at"


CHUNKS = (
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\nda',
    b'ta: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
)


def test_a_question_becomes_wire_and_its_answer_events() -> None:
    ports = ports_with(Scripted(pieces=CHUNKS))
    gateway = blocking_gateway(ports)
    with gateway.stream(REQUEST) as events:
        answer = fold(events)
    assert (answer.message.text, answer.finish_reason) == ("Hello", "stop")
    assert json.loads(ports.transport.exchanges[0].request.body)["stream"] is True
    assert ports.transport.streams[0].closed


def test_leaving_a_stream_early_closes_the_upstreams_answer() -> None:
    ports = ports_with(Scripted(pieces=CHUNKS))
    with blocking_gateway(ports).stream(REQUEST) as events:
        assert TextDelta(text="Hel") in (next(events), next(events))
    assert ports.transport.streams[0].closed


def test_a_stream_that_breaks_is_an_upstream_error() -> None:
    ports = ports_with(Scripted(pieces=(CHUNKS[0], ConnectionLostError("reset"))))
    with blocking_gateway(ports).stream(REQUEST) as events, pytest.raises(UpstreamError):
        list(events)


def test_the_blocking_gateway_lists_models_or_falls_back() -> None:
    gateway = blocking_gateway(ports_with(listed("a"), HttpResponse(status=500)))
    assert [model.id for model in gateway.list_models().models] == ["a"]
    assert "500" in str(gateway.list_models().trouble)
    assert gateway.access_token() == "at"


def test_a_probe_for_a_route_carries_no_token() -> None:
    ports = Ports("blocking")
    ports.store.stored = FRESH

    def answer(request: HttpRequest, _route: Route) -> Reply:
        if request.method == "GET":
            assert find_header(request.headers, "authorization") is None
            return HttpResponse(status=401)
        return Scripted(pieces=CHUNKS)

    ports.upstream = answer
    with blocking_gateway(ports).stream(REQUEST) as events:
        assert fold(events).message.text == "Hello"

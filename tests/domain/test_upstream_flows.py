"""Opening an authorized stream, and fetching the model list."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import (
    CertificateError,
    ConnectionLostError,
    NotConnectedError,
    ResponseTimeoutError,
    StreamInterruptedError,
    TransportError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.http import HttpRequest, HttpResponse, Route, Timeouts, find_header
from domain.upstream_flows import Upstream, authorized_stream_flow, blame_upstream, list_models_flow
from tests.domain.test_flows import FRESH, LOGIN, granted
from tests.fakes.world import Answer, World

SECOND = timedelta(seconds=1)
UPSTREAM = Upstream(
    chat_url="https://llm.example/v1/chat/completions",
    models_url="https://llm.example/v1/models",
    quick=Timeouts(connect=SECOND, read=SECOND),
    inference=Timeouts(connect=SECOND, read=60 * SECOND),
)
REQUEST = HttpRequest(method="POST", url=UPSTREAM.chat_url, headers=(("X-Own", "1"),), body=b"{}")
BOTH = (Route.DIRECT, Route.PROXY)


def upstream(*answers: Answer) -> World:
    """A world whose upstream gives these answers in turn, and whose authorization server is strict."""
    left = list(answers)

    def answer(request: HttpRequest, route: Route) -> Answer:
        return granted(request, route) if "oauth2" in request.url else left.pop(0)

    return World(tokens=FRESH, answer=answer)


def bearers(world: World) -> list[str | None]:
    return [find_header(request.headers, "authorization") for request, _ in world.sent if "llm" in request.url]


def test_the_request_leaves_as_it_is_with_a_bearer_token_added() -> None:
    world = upstream(HttpResponse(status=200))
    assert world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST)).stream.status == 200
    (sent, _) = world.sent[0]
    assert (sent.body, sent.headers) == (b"{}", (("X-Own", "1"), ("Authorization", "Bearer at0")))


def test_a_401_renews_the_token_and_repeats_the_request_once() -> None:
    world = upstream(HttpResponse(status=401), HttpResponse(status=200))
    assert world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST)).stream.status == 200
    assert bearers(world) == ["Bearer at0", "Bearer at1"]
    assert world.streams[0].closed


def test_a_second_401_is_the_gateways_fault_and_every_stream_is_closed() -> None:
    world = upstream(HttpResponse(status=401), HttpResponse(status=401))
    with pytest.raises(UpstreamRejectedTokenError, match="not at fault"):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert [stream.closed for stream in world.streams] == [True, True]


def test_where_a_renewed_token_was_refused_too_the_next_requests_cost_no_rotation_for_a_while() -> None:
    world = upstream(*[HttpResponse(status=401)] * 9)
    for _ in range(4):
        with pytest.raises(UpstreamRejectedTokenError):
            world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert len(world.saved) == 1
    world.now += timedelta(minutes=1)
    with pytest.raises(UpstreamRejectedTokenError):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert len(world.saved) == 2


def test_an_error_that_repeats_our_token_is_shown_without_it() -> None:
    headers = (("X-Echo", "Bearer a-long-token"), ("A", "b"))
    world = upstream(HttpResponse(status=403, headers=headers, body=b"key a-long-token forbidden"))
    world.tokens = replace(FRESH, access_token="a-long-token")
    with pytest.raises(UpstreamStatusError) as caught:
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert (caught.value.body, caught.value.headers) == (b"key *** forbidden", (("A", "b"),))


@pytest.mark.parametrize("status", [600, 999, 199])
def test_a_status_that_is_none_is_a_bad_gateway(status: int) -> None:
    with pytest.raises(UpstreamProtocolError):
        upstream(HttpResponse(status=status)).run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_an_error_keeps_its_status_headers_and_words(status: int) -> None:
    world = upstream(HttpResponse(status=status, headers=(("Retry-After", "3"),), body=b"words"))
    with pytest.raises(UpstreamStatusError) as caught:
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert (caught.value.status, caught.value.body) == (status, b"words")
    assert find_header(caught.value.headers, "retry-after") == "3"


def test_a_redirect_is_never_followed() -> None:
    world = upstream(HttpResponse(status=302, headers=(("Location", "https://elsewhere.example"),)))
    with pytest.raises(UpstreamProtocolError, match="LLM_API_URL"):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert world.streams[0].closed
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    ("error", "begun", "blamed"),
    [
        (NotConnectedError("refused"), False, UpstreamUnreachableError),
        (NotConnectedError("slow", timed_out=True), False, UpstreamTimeoutError),
        (ResponseTimeoutError("silent"), False, UpstreamTimeoutError),
        (ResponseTimeoutError("silent"), True, UpstreamTimeoutError),
        (ConnectionLostError("reset"), False, UpstreamUnreachableError),
        (ConnectionLostError("reset"), True, StreamInterruptedError),
    ],
)
def test_each_failed_exchange_has_one_meaning(error: TransportError, begun: bool, blamed: type[UpstreamError]) -> None:
    assert type(blame_upstream(error, begun=begun)) is blamed


@pytest.mark.parametrize("error", [NotConnectedError("refused"), ResponseTimeoutError("late")])
def test_an_inference_request_is_never_sent_twice_or_over_another_route(error: TransportError) -> None:
    world = upstream(error)
    world.routes, world.working = BOTH, Route.PROXY
    with pytest.raises(UpstreamError):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert [route for _, route in world.sent] == [Route.PROXY]


def test_where_no_route_is_known_a_quick_call_finds_one_first_without_a_token() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        return NotConnectedError("refused") if route is Route.DIRECT else HttpResponse(status=200)

    world = World(tokens=FRESH, answer=answer, routes=BOTH)
    world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert [(request.method, route) for request, route in world.sent] == [
        ("GET", Route.DIRECT),
        ("GET", Route.PROXY),
        ("POST", Route.PROXY),
    ]
    assert find_header(world.sent[0][0].headers, "authorization") is None


def test_a_route_that_reached_a_silent_upstream_is_taken_where_no_other_answers() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        if request.method == "POST":
            return HttpResponse(status=200)
        return ResponseTimeoutError("knows no HEAD") if route is Route.PROXY else NotConnectedError("refused")

    world = World(tokens=FRESH, answer=answer, routes=BOTH)
    world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert world.sent[-1][1] is Route.PROXY
    assert world.working is Route.PROXY


def test_where_no_route_leads_to_the_upstream_both_reasons_are_told() -> None:
    def answer(_request: HttpRequest, route: Route) -> Answer:
        return NotConnectedError(f"no way by {route.value}")

    with pytest.raises(UpstreamUnreachableError, match="no way by direct; no way by proxy"):
        World(tokens=FRESH, answer=answer, routes=BOTH).run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))


def test_an_untrusted_certificate_is_a_finding_and_no_other_route_is_tried() -> None:
    world = World(tokens=FRESH, answer=lambda _request, _route: CertificateError("unknown CA"), routes=BOTH)
    with pytest.raises(UpstreamUnreachableError, match="unknown CA"):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert len(world.sent) == 1


def test_a_refused_token_keeps_what_the_upstream_said_of_it() -> None:
    world = upstream(HttpResponse(status=401), HttpResponse(status=401, body=b"wrong audience"))
    with pytest.raises(UpstreamRejectedTokenError) as caught:
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert (caught.value.status, caught.value.body) == (401, b"wrong audience")


def test_a_lost_connection_makes_the_next_request_look_for_a_route_anew() -> None:
    world = upstream(NotConnectedError("vpn is down"))
    world.routes, world.working = BOTH, Route.PROXY
    with pytest.raises(UpstreamUnreachableError):
        world.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST))
    assert world.working is None


def test_the_model_list_is_asked_for_with_a_token_that_is_renewed_once() -> None:
    world = upstream(HttpResponse(status=401), HttpResponse(status=200, body=json.dumps([]).encode()))
    assert world.run(list_models_flow(LOGIN, UPSTREAM, "https://llm.example/v1/models")).body == b"[]"
    assert bearers(world) == ["Bearer at0", "Bearer at1"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([HttpResponse(status=401), HttpResponse(status=401)], UpstreamRejectedTokenError),
        ([HttpResponse(status=500)], UpstreamStatusError),
        ([ConnectionLostError("reset")], UpstreamUnreachableError),
    ],
)
def test_a_model_list_that_cannot_be_had_is_an_upstream_error(
    answers: list[Answer], error: type[UpstreamError]
) -> None:
    with pytest.raises(error):
        upstream(*answers).run(list_models_flow(LOGIN, UPSTREAM, "https://llm.example/v1/models"))

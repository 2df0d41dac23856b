"""Asking the upstream again: after what may pass, with the pauses that it asks for, and never once it is too late."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.effects import Effect, Flow, OpenStream, Pause, ReadBody, ReadClock
from domain.errors import (
    CertificateError,
    ConnectionLostError,
    LoginRequiredError,
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
from domain.http import Headers, HttpRequest, HttpResponse, Route, find_header
from domain.retrying import RetryPolicy, answer_flow, patient_stream_flow
from domain.tokens import TokenSet
from tests.domain.test_flows import FRESH, LOGIN, granted
from tests.domain.test_upstream_flows import REQUEST, UPSTREAM
from tests.fakes.world import NOON, Answer, World

Ask = Callable[[RetryPolicy], Flow[Any]]
THREE = RetryPolicy(retries=3)
WELL = HttpResponse(status=200, body=b"well")
SECRET = "a-long-access-token"


@dataclass
class Upstream(World):
    """A world whose upstream gives the `answers` in turn. `broken` ones are lost while their bodies are read."""

    answer: Callable[[HttpRequest, Route], Answer] = field(init=False)
    answers: list[Answer] = field(default_factory=list[Answer])
    broken: list[TransportError] = field(default_factory=list[TransportError])
    asked: int = 0

    def __post_init__(self) -> None:
        def answer(request: HttpRequest, route: Route) -> Answer:
            if "oauth2" in request.url:
                return granted(request, route)
            self.asked += 1
            return self.answers.pop(0)

        self.answer = answer

    def perform(self, effect: Effect[Any]) -> object:
        return self._perform(effect)

    def _perform(self, effect: Effect[Any]) -> object:
        if isinstance(effect, ReadBody) and effect.stream.status == 200 and self.broken:
            self.streams[-1].closed = True
            raise self.broken.pop(0)
        return super()._perform(effect)


def upstream(*answers: Answer, tokens: TokenSet = FRESH) -> Upstream:
    return Upstream(tokens=tokens, answers=list(answers))


def stream(policy: RetryPolicy) -> Flow[Any]:
    return patient_stream_flow(LOGIN, UPSTREAM, REQUEST, policy)


def whole(policy: RetryPolicy) -> Flow[Any]:
    return answer_flow(LOGIN, UPSTREAM, REQUEST, policy, max_bytes=100)


@pytest.fixture(params=[stream, whole])
def ask(request: pytest.FixtureRequest) -> Ask:
    way: Ask = request.param
    return way


def status(code: int, *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(status=code, headers=headers, body=b"words")


def seconds(world: World) -> list[float]:
    return [pause.total_seconds() for pause in world.paused]


@pytest.mark.parametrize(
    "passing",
    [
        *[status(code) for code in (408, 409, 429, 500, 502, 503, 529, 599)],
        status(400, ("x-should-retry", "true")),
        NotConnectedError("refused"),
        NotConnectedError("slow", timed_out=True),
        ConnectionLostError("reset"),
        ResponseTimeoutError("silent"),
    ],
)
def test_what_may_pass_is_asked_again_until_it_has_passed(ask: Ask, passing: Answer) -> None:
    world = upstream(passing, passing, WELL)
    world.run(ask(THREE))
    assert (world.asked, len(world.paused)) == (3, 2)


@pytest.mark.parametrize(
    ("lasting", "error"),
    [
        *[(status(code), UpstreamStatusError) for code in (400, 402, 403, 404, 422, 499)],
        (status(503, ("X-Should-Retry", "false")), UpstreamStatusError),
        (status(302), UpstreamProtocolError),
        (CertificateError("self-signed"), UpstreamUnreachableError),
    ],
)
def test_what_will_not_pass_is_raised_at_once(ask: Ask, lasting: Answer, error: type[UpstreamError]) -> None:
    world = upstream(lasting, WELL)
    with pytest.raises(error):
        world.run(ask(THREE))
    assert (world.asked, world.paused) == (1, [])


def test_a_token_that_is_refused_twice_is_not_tried_a_third_time(ask: Ask) -> None:
    world = upstream(status(401), status(401), WELL)
    with pytest.raises(UpstreamRejectedTokenError):
        world.run(ask(THREE))
    assert (world.asked, world.paused) == (2, [])


def test_a_login_that_does_not_work_is_not_asked_again(ask: Ask) -> None:
    world = upstream(WELL, tokens=TokenSet())
    with pytest.raises(LoginRequiredError):
        world.run(ask(THREE))
    assert (world.asked, world.paused) == (0, [])


def test_nothing_is_repeated_unless_it_is_wished(ask: Ask) -> None:
    world = upstream(status(503), WELL)
    with pytest.raises(UpstreamStatusError):
        world.run(ask(RetryPolicy()))
    assert (world.asked, world.paused) == (1, [])


def test_the_last_error_is_the_one_that_is_raised(ask: Ask) -> None:
    world = upstream(status(503), NotConnectedError("refused"), status(500), ResponseTimeoutError("silent"), WELL)
    with pytest.raises(UpstreamTimeoutError):
        world.run(ask(THREE))
    assert (world.asked, len(world.paused)) == (4, 3)


def test_without_the_servers_word_the_pauses_double_up_to_eight_seconds(ask: Ask) -> None:
    world = upstream(*[status(500)] * 7, WELL)
    world.run(ask(RetryPolicy(retries=7)))
    assert seconds(world) == [0.5, 1, 2, 4, 8, 8, 8]


@given(jitter=st.floats(0, 1))
def test_jitter_takes_up_to_a_quarter_off(jitter: float) -> None:
    world = upstream(status(500), status(500), WELL)
    world.run(stream(RetryPolicy(retries=3, jitter=jitter)))
    for pause, longest in zip(seconds(world), (0.5, 1), strict=True):
        assert longest * 0.75 - 0.001 <= pause <= longest


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("Retry-After", "7"),), 7),
        ((("Retry-After", " 1.5 "),), 1.5),
        ((("Retry-After", "60"),), 60),
        ((("retry-after-ms", "250"), ("Retry-After", "7")), 0.25),
        ((("retry-after-ms", "soon"), ("Retry-After", "7")), 7),
        ((("Retry-After", format_datetime(NOON + timedelta(seconds=12), usegmt=True)),), 12),
        ((("Retry-After", "Fri, 02 Jan 2026 12:00:12"),), 12),
        ((("Retry-After", format_datetime(NOON - timedelta(seconds=12), usegmt=True)),), 0.5),
        ((("Retry-After", "0"),), 0.5),
        ((("Retry-After", "-3"),), 0.5),
        ((("Retry-After", "nan"),), 0.5),
        ((("Retry-After", "1_0"),), 0.5),
        ((("Retry-After", "in a while"),), 0.5),
        ((("Retry-After", "Fri, 99 Jan 2026 12:00:12 GMT"),), 0.5),
    ],
)
def test_the_pause_is_what_the_server_asks_for_where_that_makes_sense(
    ask: Ask, headers: Headers, expected: float
) -> None:
    world = upstream(status(429, *headers), WELL)
    world.run(ask(replace(THREE, jitter=0.0)))
    assert seconds(world) == [expected]


def test_jitter_does_not_shorten_what_the_server_asks_for(ask: Ask) -> None:
    world = upstream(status(429, ("Retry-After", "7")), WELL)
    world.run(ask(RetryPolicy(retries=1, jitter=1.0)))
    assert seconds(world) == [7]


@pytest.mark.parametrize(
    "header",
    [
        ("Retry-After", "61"),
        ("Retry-After", "9" * 400),
        ("retry-after-ms", "60001"),
        ("Retry-After", format_datetime(NOON + timedelta(days=1), usegmt=True)),
    ],
)
def test_a_server_that_will_not_help_within_a_minute_is_not_waited_for(ask: Ask, header: tuple[str, str]) -> None:
    world = upstream(status(429, ("x-should-retry", "true"), header), WELL)
    with pytest.raises(UpstreamStatusError) as caught:
        world.run(ask(THREE))
    assert find_header(caught.value.headers, header[0]) == header[1], "the caller is told how long"
    assert (world.asked, world.paused) == (1, [])


@given(value=st.text(alphabet=st.characters(codec="latin-1"), max_size=30))
def test_whatever_a_server_writes_into_retry_after_the_pause_is_short_or_none(value: str) -> None:
    world = upstream(status(429, ("Retry-After", value)), WELL)
    try:
        world.run(stream(THREE))
    except UpstreamStatusError:
        assert world.paused == []
    else:
        assert all(timedelta(0) < pause <= timedelta(seconds=60) for pause in world.paused)


def test_an_answer_is_read_whole_and_comes_without_our_token() -> None:
    answer = HttpResponse(
        status=201, headers=(("X-Echo", f"Bearer {SECRET}"), ("A", "b")), body=f"key {SECRET}".encode()
    )
    world = upstream(answer, tokens=replace(FRESH, access_token=SECRET))
    got = world.run(whole(THREE))
    assert got == HttpResponse(status=201, headers=(("A", "b"),), body=b"key ***")
    assert all(opened.closed for opened in world.streams)


def test_an_answer_of_just_the_limit_is_whole_and_one_byte_more_is_an_error_that_is_not_repeated() -> None:
    assert len(upstream(HttpResponse(status=200, body=b"x" * 100)).run(whole(THREE)).body) == 100
    world = upstream(HttpResponse(status=200, body=b"x" * 101), WELL)
    with pytest.raises(UpstreamProtocolError, match="larger than 100 bytes"):
        world.run(whole(THREE))
    assert world.asked == 1


@pytest.mark.parametrize(
    ("failure", "error"),
    [(ConnectionLostError("reset"), StreamInterruptedError), (ResponseTimeoutError("silent"), UpstreamTimeoutError)],
)
def test_an_answer_that_breaks_off_is_asked_for_again(failure: TransportError, error: type[UpstreamError]) -> None:
    world = upstream(WELL, WELL, WELL)
    world.broken = [failure, failure]
    assert world.run(whole(THREE)).body == b"well"
    assert (world.asked, seconds(world)) == (3, [0.5, 1])
    world = upstream(WELL, WELL)
    world.broken = [failure, failure]
    with pytest.raises(error):
        world.run(whole(RetryPolicy(retries=1)))
    assert all(opened.closed for opened in world.streams)


def test_an_open_stream_is_handed_over_unread() -> None:
    world = upstream(status(500), WELL)
    assert world.run(stream(THREE)).stream is world.streams[-1]
    assert [opened.closed for opened in world.streams] == [True, False]


def test_each_try_asks_for_a_token_and_a_route_anew() -> None:
    def fail_directly(request: HttpRequest, route: Route) -> Answer:
        return NotConnectedError("refused") if route is Route.DIRECT else WELL

    world = World(tokens=FRESH, answer=fail_directly, routes=(Route.DIRECT, Route.PROXY), working=Route.DIRECT)
    world.run(stream(THREE))
    assert [route for _, route in world.sent] == [Route.DIRECT, Route.DIRECT, Route.PROXY, Route.PROXY]


def test_step_by_step_the_pause_comes_after_the_failure_and_before_the_next_try() -> None:
    world = upstream()
    flow = stream(RetryPolicy(retries=1))
    effects: list[type[Effect[Any]]] = []
    effect = next(flow)
    while not isinstance(effect, Pause):
        effects.append(type(effect))
        if isinstance(effect, OpenStream):
            effect = flow.throw(NotConnectedError("refused"))
        else:
            effect = flow.send(world.perform(effect))
    assert effects.count(OpenStream) == 1
    assert ReadClock in effects
    assert effect.duration == timedelta(seconds=0.5)
    flow.close()
    assert next(flow, None) is None, "a caller who goes away during a pause sends nothing more"

"""What memory holds when a request begins, and when that is enough."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.flows import ApiKey, AtHand, fresh_token
from domain.http import HttpRequest, HttpResponse, Route, find_header
from domain.tokens import TokenSet, TokenState
from domain.upstream_flows import authorized_stream_flow
from tests.domain.test_flows import FRESH, LOGIN
from tests.domain.test_upstream_flows import REQUEST, UPSTREAM
from tests.fakes.world import World

OK = HttpResponse(status=200)


def world() -> World:
    def answer(_request: HttpRequest, _route: Route) -> HttpResponse:
        return OK

    return World(tokens=FRESH, answer=answer)


def at_hand(tokens: TokenSet | None, *, later: timedelta = timedelta(0), route: Route | None = Route.PROXY) -> AtHand:
    return AtHand(tokens=tokens, route=route, now=world().now + later)


def test_a_fresh_token_and_a_known_route_are_all_that_a_request_needs() -> None:
    there = world()
    there.tokens = replace(FRESH, access_token="another by now")
    opened = there.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST, at_hand=at_hand(FRESH)))
    ((request, route),) = there.sent
    assert route is Route.PROXY
    assert find_header(request.headers, "authorization") == f"Bearer {FRESH.access_token}"
    assert opened.access_token == FRESH.access_token


@pytest.mark.parametrize("route", [Route.DIRECT, None])
def test_what_is_not_at_hand_is_asked_for(route: Route | None) -> None:
    there = world()
    there.run(authorized_stream_flow(LOGIN, UPSTREAM, REQUEST, at_hand=at_hand(None, route=route)))
    request, _ = there.sent[-1]
    assert find_header(request.headers, "authorization") == f"Bearer {FRESH.access_token}"


def test_only_a_fresh_token_is_used_as_it_is() -> None:
    assert FRESH.expires_at is not None
    for share in range(0, 110, 5):
        later = (FRESH.expires_at - world().now) * share / 100
        held = at_hand(FRESH, later=later)
        fresh = FRESH.state(held.now, LOGIN.policy) is TokenState.FRESH
        assert fresh_token(LOGIN, held) == (FRESH.access_token if fresh else None)
    assert fresh_token(LOGIN, at_hand(None)) is None
    assert fresh_token(LOGIN, at_hand(TokenSet(refresh_token="rt"))) is None
    assert fresh_token(ApiKey(key="k"), at_hand(None)) == "k"

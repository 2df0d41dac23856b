"""The order of steps of a refresh, and what follows from each failure."""

import json
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from domain.effects import Flow
from domain.errors import (
    CertificateError,
    ConnectionLostError,
    LoginRequiredError,
    NotConnectedError,
    ResponseTimeoutError,
    ResponseTooLargeError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenStoreError,
    TransportError,
    UpstreamRejectedTokenError,
)
from domain.flows import ApiKey, access_token_flow, keep_alive_flow, login_status_flow
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts
from domain.oauth2 import OAuth2Client
from domain.refreshing import Login, refresh_flow
from domain.routes import over_routes_flow
from domain.token_events import TokenEventKind
from domain.tokens import RefreshPolicy, TokenSet, TokenState, begin_attempt, refuse, set_back
from domain.words import Text
from tests.fakes.world import NOON, Answer, World

TIMEOUTS = Timeouts(connect=timedelta(seconds=2), read=timedelta(seconds=30))
LOGIN = Login(
    client=OAuth2Client(token_endpoint="https://as.example/oauth2/v1/token", client_id="client"),
    policy=RefreshPolicy(),
    timeouts=TIMEOUTS,
    mend="MEND",
)
HOUR = timedelta(hours=1)


def held(left: timedelta, *, access_token: str = "at0", refresh_token: str | None = "rt0") -> TokenSet:
    return TokenSet(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=NOON + left,
        issued_at=NOON + left - HOUR,
    )


EXPIRED = held(timedelta(0))
STALE = held(timedelta(minutes=1))
FRESH = held(timedelta(minutes=30))


def granted(request: HttpRequest, _route: Route = Route.DIRECT) -> Answer:
    """A strict server: rt0 buys at1 and rt1, and so on."""
    spent = parse_qs(request.body.decode())["refresh_token"][0]
    number = int(spent.removeprefix("rt")) + 1
    grant = {"access_token": f"at{number}", "refresh_token": f"rt{number}", "expires_in": 3600}
    return HttpResponse(status=200, body=json.dumps(grant).encode())


def always(answer: Answer, headers: Headers = ()) -> World:
    _ = headers
    return World(tokens=EXPIRED, answer=lambda _request, _route: answer)


def refusal(error: str, status: int = 400, headers: Headers = ()) -> HttpResponse:
    return HttpResponse(status=status, headers=headers, body=json.dumps({"error": error}).encode())


def test_a_fresh_token_is_handed_out_without_a_lock_or_a_request() -> None:
    world = World(tokens=FRESH, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at0"
    assert (world.sent, world.background, world.saved) == ([], [], [])


def test_a_stale_token_is_handed_out_at_once_while_one_refresh_runs_in_the_background() -> None:
    world = World(tokens=STALE, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at0"
    assert world.sent == []
    (background,) = world.background
    assert world.exclusively(background).access_token == "at1"


def test_an_expired_token_is_renewed_and_its_successor_is_durable_before_anyone_gets_it() -> None:
    world = World(tokens=EXPIRED, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert [tokens.refresh_token for tokens in world.saved] == ["rt1"]
    assert world.tokens.expires_at == NOON + HOUR
    assert [event.kind for event in world.events] == [TokenEventKind.REFRESHED]


def test_who_waited_for_the_lock_adopts_what_another_worker_has_bought() -> None:
    def other(world: World) -> None:
        world.tokens = held(timedelta(minutes=30), access_token="theirs", refresh_token="rt9")

    world = World(tokens=EXPIRED, answer=granted, elsewhere=other)
    assert world.run(access_token_flow(LOGIN)) == "theirs"
    assert world.sent == []


def test_a_rejected_token_is_renewed_however_long_it_should_last() -> None:
    world = World(tokens=FRESH, answer=granted)
    assert world.run(access_token_flow(LOGIN, rejected="at0")) == "at1"


def test_who_needs_a_token_to_last_waits_for_the_successor_of_a_stale_one_and_takes_the_old_one_if_need_be() -> None:
    world = World(tokens=STALE, answer=granted)
    assert world.run(access_token_flow(LOGIN, wait_when_stale=True)) == "at1"
    world = World(tokens=STALE, answer=lambda _request, _route: HttpResponse(status=400))
    assert world.run(access_token_flow(LOGIN, wait_when_stale=True)) == "at0"
    dead = World(tokens=refuse(STALE, "rt0", reason="invalid_grant", now=NOON), answer=granted)
    assert dead.run(access_token_flow(LOGIN, wait_when_stale=True)) == "at0"


def test_no_message_repeats_a_refresh_token_that_the_server_repeats() -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "rt0 is spent"}).encode()
    world = always(HttpResponse(status=400, body=body))
    with pytest.raises(LoginRequiredError) as caught:
        world.run(access_token_flow(LOGIN))
    assert "rt0" not in str(caught.value)
    assert "rt0" not in repr(world.events)
    assert world.tokens.setback is not None
    assert "rt0" not in world.tokens.setback.reason


def test_a_rejected_token_that_has_been_replaced_meanwhile_costs_no_request() -> None:
    world = World(tokens=FRESH, answer=granted)
    assert world.run(access_token_flow(LOGIN, rejected="older")) == "at0"
    assert world.sent == []


def test_a_server_that_issues_the_rejected_token_again_is_not_asked_for_ever() -> None:
    same = HttpResponse(status=200, body=b'{"access_token": "at0"}')
    world = World(tokens=FRESH, answer=lambda _request, _route: same)
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN, rejected="at0"))
    assert len(world.sent) == 2


def test_without_a_refresh_token_a_login_is_needed_and_nothing_is_sent() -> None:
    world = World(tokens=TokenSet(), answer=granted)
    with pytest.raises(LoginRequiredError, match="MEND"):
        world.run(access_token_flow(LOGIN))
    assert world.sent == []


def test_an_access_token_pasted_without_its_end_is_handed_out_when_nothing_can_renew_it() -> None:
    world = World(tokens=TokenSet(access_token="pasted"), answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "pasted"


def test_nothing_is_spent_that_cannot_be_stored() -> None:
    world = World(tokens=EXPIRED, answer=granted, storable=False)
    with pytest.raises(TokenStoreError):
        world.run(access_token_flow(LOGIN))
    assert world.sent == []


def test_a_bought_pair_that_cannot_be_stored_is_used_all_the_same_and_said_so() -> None:
    world = World(tokens=EXPIRED, answer=granted, saving_fails=True)
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert TokenEventKind.UNSAVED in [event.kind for event in world.events]


def test_a_dead_refresh_token_is_said_once_and_never_sent_again() -> None:
    world = always(refusal("invalid_grant"))
    for _ in range(3):
        with pytest.raises(LoginRequiredError, match=r"invalid_grant.*MEND"):
            world.run(access_token_flow(LOGIN))
    assert len(world.sent) == 1
    assert world.tokens.refresh_token == "rt0", "the user's token is never deleted"
    assert [event.kind for event in world.events] == [TokenEventKind.DEAD]


def test_a_new_refresh_token_in_the_store_ends_a_dead_login() -> None:
    world = World(tokens=refuse(EXPIRED, "rt0", reason="invalid_grant", now=NOON), answer=granted)
    world.tokens = TokenSet(refresh_token="rt7", setback=world.tokens.setback)
    assert world.run(access_token_flow(LOGIN)) == "at8"


def test_a_dead_login_still_hands_out_its_access_token_while_that_lasts() -> None:
    world = World(tokens=held(timedelta(seconds=1)), answer=lambda _request, _route: refusal("invalid_grant"))
    assert world.run(access_token_flow(LOGIN)) == "at0"
    stale = refuse(STALE, "rt0", reason="invalid_grant", now=NOON)
    world = World(tokens=stale, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at0"
    assert world.background == [], "there is nothing to renew it with"


def test_a_refresh_token_pasted_while_the_server_refused_the_old_one_is_used_at_once() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        if b"rt0" in request.body:
            world.tokens = TokenSet(refresh_token="rt5")
            return refusal("invalid_grant")
        return granted(request, route)

    world = World(tokens=EXPIRED, answer=answer)
    assert world.run(access_token_flow(LOGIN)) == "at6"


def test_a_refused_client_is_a_matter_of_configuration() -> None:
    with pytest.raises(TokenEndpointError, match="OAUTH_CLIENT_ID") as caught:
        always(refusal("invalid_client", 401)).run(access_token_flow(LOGIN))
    assert caught.value.error == "invalid_client"


def test_a_refused_client_stays_a_matter_of_configuration_while_the_login_rests() -> None:
    world = always(refusal("invalid_client", 401))
    for _ in range(4):
        with pytest.raises(TokenEndpointError, match="OAUTH_CLIENT_ID"):
            world.run(access_token_flow(LOGIN))
    assert len(world.sent) < 4


@pytest.mark.parametrize(
    "retry_after", ["7", format_datetime((NOON + timedelta(seconds=7)).astimezone(UTC), usegmt=True)]
)
def test_retry_after_is_obeyed_and_handed_on(retry_after: str) -> None:
    world = always(refusal("temporarily_unavailable", 503, headers=(("Retry-After", retry_after),)))
    with pytest.raises(TokenEndpointUnavailableError) as caught:
        world.run(access_token_flow(LOGIN))
    assert caught.value.retry_after == timedelta(seconds=7)
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert len(world.sent) == 1
    world.now += timedelta(seconds=8)
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert len(world.sent) > 1


@pytest.mark.parametrize("value", ["", "soon", "-5", "99999999999999999999"])
def test_a_senseless_retry_after_does_no_harm(value: str) -> None:
    world = always(refusal("x", 503, headers=(("Retry-After", value),)))
    with pytest.raises(TokenEndpointUnavailableError) as caught:
        world.run(access_token_flow(LOGIN))
    assert (caught.value.retry_after or timedelta(0)) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "pauses"),
    [
        (HttpResponse(status=500, body=b"oops"), [timedelta(0)]),
        (HttpResponse(status=200, body=b"<html>"), [timedelta(0)]),
        (ResponseTimeoutError("late"), [timedelta(0)]),
        (ConnectionLostError("reset"), [timedelta(0)]),
        (ResponseTooLargeError("endless"), [timedelta(0)]),
        (HttpResponse(status=503), [timedelta(seconds=0.2)]),
        (HttpResponse(status=429, headers=(("Retry-After", "1"),)), [timedelta(seconds=1)]),
        (NotConnectedError("refused"), [timedelta(seconds=0.2)]),
    ],
)
def test_one_faulty_answer_is_made_up_for_while_the_callers_wait(first: Answer, pauses: list[timedelta]) -> None:
    answers = [first]

    def answer(request: HttpRequest, route: Route) -> Answer:
        return answers.pop() if answers else granted(request, route)

    world = World(tokens=EXPIRED, answer=answer)
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert world.paused == pauses
    assert world.tokens.attempt is None


@pytest.mark.parametrize("fault", [HttpResponse(status=500), ResponseTimeoutError("late")])
def test_a_request_of_unknown_outcome_is_repeated_once_while_a_token_is_still_valid(fault: Answer) -> None:
    world = always(fault)
    world.tokens = STALE
    with pytest.raises(TokenEndpointUnavailableError):
        world.exclusively(refresh_flow(LOGIN))
    assert len(world.sent) == 2
    assert world.tokens.unanswered == 2


@pytest.mark.parametrize("fault", [HttpResponse(status=500), ResponseTimeoutError("late")])
def test_callers_without_a_token_see_a_second_round_of_tries_before_they_are_told(fault: Answer) -> None:
    world = always(fault)
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert 2 < len(world.sent) <= 4


def test_a_short_setback_is_waited_out_by_those_who_have_no_token() -> None:
    rested = set_back(
        set_back(EXPIRED, "rt0", reason="r", now=NOON, wait=timedelta(0)),
        "rt0",
        reason="r",
        now=NOON,
        wait=timedelta(0),
    )
    world = World(tokens=rested, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert world.paused == [timedelta(seconds=0.5)]


def test_a_login_pasted_while_the_server_granted_counts_more_than_the_grant() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        given = granted(request, route)
        if b"rt0" in request.body:
            world.pasted = TokenSet(refresh_token="rt5")
        return given

    world = World(tokens=EXPIRED, answer=answer)
    assert world.run(access_token_flow(LOGIN)) == "at6"


def test_the_attempt_is_durable_before_the_request_leaves() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        assert world.tokens.unanswered == 1
        return granted(request, route)

    world = World(tokens=EXPIRED, answer=answer)
    world.run(access_token_flow(LOGIN))


def test_after_a_crash_in_mid_refresh_the_token_is_tried_once_more_and_its_refusal_is_explained() -> None:
    world = always(refusal("invalid_grant"))
    world.tokens = begin_attempt(EXPIRED, "rt0", now=NOON)
    with pytest.raises(LoginRequiredError, match="never arrived, so the server has probably replaced it"):
        world.run(access_token_flow(LOGIN))
    assert len(world.sent) == 1


def test_a_definite_refusal_leaves_nothing_unknown() -> None:
    world = always(HttpResponse(status=503))
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert len(world.sent) == 8
    assert world.tokens.attempt is None


def test_a_redirect_is_not_followed_and_not_repeated() -> None:
    world = always(HttpResponse(status=302, headers=(("Location", "https://elsewhere.example"),)))
    with pytest.raises(TokenEndpointUnavailableError, match="status 302"):
        world.run(access_token_flow(LOGIN))
    assert [request.url for request, _ in world.sent] == [LOGIN.client.token_endpoint]


def test_the_setting_lets_a_token_be_spent_that_cannot_be_stored() -> None:
    world = World(tokens=EXPIRED, answer=granted, storable=False)
    assert world.run(access_token_flow(replace(LOGIN, allow_unstorable=True))) == "at1"


def test_an_idle_login_is_renewed_in_time_and_one_in_use_is_left_alone() -> None:
    day = timedelta(days=1)
    world = World(tokens=held(timedelta(minutes=30)), answer=granted)
    world.run(keep_alive_flow(LOGIN, day))
    assert world.background == []
    world.now += day
    world.run(keep_alive_flow(LOGIN, day))
    (background,) = world.background
    assert world.exclusively(background).refresh_token == "rt1"
    world.background.clear()
    world.run(keep_alive_flow(LOGIN, day))
    assert world.background == []


def test_an_idle_login_that_another_process_has_just_renewed_is_not_renewed_again() -> None:
    world = World(tokens=held(timedelta(minutes=30)), answer=granted)
    assert world.exclusively(refresh_flow(LOGIN, idle=timedelta(days=1))).refresh_token == "rt0"
    assert world.sent == []


def test_a_dead_or_absent_login_is_not_kept_alive() -> None:
    for tokens in (TokenSet(), refuse(EXPIRED, "rt0", reason="invalid_grant", now=NOON)):
        world = World(tokens=tokens, answer=granted)
        world.run(keep_alive_flow(LOGIN, timedelta(hours=1)))
        assert world.background == []


def test_an_api_key_takes_the_place_of_a_login() -> None:
    world = World(tokens=TokenSet(), answer=granted)
    key = ApiKey(key="s3cret")
    assert world.run(access_token_flow(key)) == "s3cret"
    with pytest.raises(UpstreamRejectedTokenError, match="LLM_API_KEY"):
        world.run(access_token_flow(key, rejected="s3cret"))
    world.run(keep_alive_flow(key, timedelta(hours=1)))
    assert world.run(login_status_flow(key)).state is None
    assert "s3cret" not in repr(key)


def test_the_status_of_a_login_spends_nothing_and_shows_no_token() -> None:
    world = World(
        tokens=refuse(STALE, "rt0", reason="invalid_grant", now=NOON),
        answer=granted,
        trouble=Text("disk full", "磁盘已满"),
    )
    status = world.run(login_status_flow(LOGIN))
    assert (status.state, status.has_refresh_token, str(status.trouble)) == (TokenState.STALE, True, "disk full")
    assert status.setback is not None
    assert "rt0" not in repr(status)
    assert world.sent == []


def test_the_servers_clock_is_compared_with_ours_and_its_dates_are_read_by_its_own() -> None:
    ahead = format_datetime((NOON + timedelta(hours=1)).astimezone(UTC), usegmt=True)
    later = format_datetime((NOON + timedelta(hours=1, seconds=9)).astimezone(UTC), usegmt=True)
    world = always(HttpResponse(status=503, headers=(("Date", ahead), ("Retry-After", later))))
    with pytest.raises(TokenEndpointUnavailableError) as caught:
        world.run(access_token_flow(LOGIN))
    assert caught.value.retry_after == timedelta(seconds=9)

    def answer(request: HttpRequest, route: Route) -> Answer:
        given = granted(request, route)
        assert isinstance(given, HttpResponse)
        return replace(given, headers=(("Date", ahead),))

    world = World(tokens=EXPIRED, answer=answer)
    world.run(access_token_flow(LOGIN))
    assert world.events[-1].clock_skew_seconds == 3600


def test_lasting_trouble_brews_no_storm() -> None:
    world = always(HttpResponse(status=500))
    for _ in range(1000):
        with pytest.raises(TokenEndpointUnavailableError):
            world.run(access_token_flow(LOGIN))
        world.now += timedelta(milliseconds=10)
    # Four tries of a caller's own, and then the growing pauses.
    assert len(world.sent) <= 16


def test_a_replaced_refresh_token_is_stored_even_when_no_access_token_came() -> None:
    world = always(HttpResponse(status=200, body=b'{"refresh_token": "rt1"}'))
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert world.tokens.refresh_token == "rt1"


@pytest.mark.parametrize("error", [ResponseTimeoutError("late"), ConnectionLostError("reset")])
def test_a_refresh_that_was_sent_is_not_repeated_over_the_other_route(error: TransportError) -> None:
    world = World(tokens=EXPIRED, answer=lambda _request, _route: error, routes=(Route.DIRECT, Route.PROXY))
    with pytest.raises(TokenEndpointUnavailableError):
        world.run(access_token_flow(LOGIN))
    assert {route for _, route in world.sent} == {Route.DIRECT}


def test_a_refresh_that_never_left_takes_the_other_route_which_is_remembered() -> None:
    def answer(request: HttpRequest, route: Route) -> Answer:
        return NotConnectedError("refused") if route is Route.DIRECT else granted(request)

    world = World(tokens=EXPIRED, answer=answer, routes=(Route.DIRECT, Route.PROXY))
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert world.working is Route.PROXY
    world.tokens = held(timedelta(0), refresh_token="rt1")
    world.run(access_token_flow(LOGIN))
    assert [route for _, route in world.sent] == [Route.DIRECT, Route.PROXY, Route.PROXY]


def test_an_untrusted_certificate_is_a_finding_and_no_reason_to_try_another_way() -> None:
    error = CertificateError("untrusted")
    world = World(tokens=EXPIRED, answer=lambda _request, _route: error, routes=(Route.DIRECT, Route.PROXY))
    with pytest.raises(TokenEndpointUnavailableError, match="untrusted"):
        world.run(access_token_flow(LOGIN))
    assert len(world.sent) == 1


def test_when_no_route_works_the_error_tells_of_each() -> None:
    def answer(_request: HttpRequest, route: Route) -> Answer:
        return NotConnectedError(f"no way {route.value}", timed_out=route is Route.PROXY)

    world = World(tokens=EXPIRED, answer=answer, routes=(Route.DIRECT, Route.PROXY), working=Route.DIRECT)
    request = HttpRequest(method="GET", url="https://a.example")
    with pytest.raises(NotConnectedError, match=r"no way direct; no way proxy") as caught:
        world.run(over_routes_flow(request, TIMEOUTS, max_bytes=9))
    assert caught.value.timed_out
    assert world.working is None


def test_a_repeatable_call_also_takes_the_other_route_after_it_was_sent() -> None:
    def answer(_request: HttpRequest, route: Route) -> Answer:
        return ResponseTimeoutError("late") if route is Route.DIRECT else HttpResponse(status=200)

    world = World(tokens=EXPIRED, answer=answer, routes=(Route.DIRECT, Route.PROXY))
    request = HttpRequest(method="GET", url="https://a.example")
    assert world.run(over_routes_flow(request, TIMEOUTS, max_bytes=9, repeatable=True)).status == 200


def test_a_refresh_reports_how_long_it_took_and_whether_it_rotated() -> None:
    world = World(tokens=EXPIRED, answer=granted, took=timedelta(seconds=3))
    world.exclusively(refresh_flow(LOGIN))
    (event,) = world.events
    assert (event.took_seconds, event.rotated) == (3.0, True)
    assert "rt0" not in repr(event)


def test_an_abandoned_flow_can_be_closed_at_every_step() -> None:
    flow = access_token_flow(LOGIN)
    next(flow)
    flow.close()
    with pytest.raises(StopIteration):
        next(flow)


def test_a_shared_refresh_that_found_nothing_to_do_does_not_make_an_expired_token_good() -> None:
    class Shared(World):
        shared = True

        def exclusively(self, flow: Flow[TokenSet]) -> TokenSet:
            if self.shared:
                # Joined: it keeps an idle login alive, and that one had been used lately.
                self.shared = False
                return super().exclusively(refresh_flow(LOGIN, idle=timedelta(days=1)))
            return super().exclusively(flow)

    world = Shared(tokens=EXPIRED, answer=granted)
    assert world.run(access_token_flow(LOGIN)) == "at1"
    assert len(world.sent) == 1


def test_a_token_that_lasts_shorter_than_is_asked_for_is_renewed_first() -> None:
    world = World(tokens=FRESH, answer=granted)
    assert world.run(access_token_flow(LOGIN, min_ttl=timedelta(minutes=30))) == "at0"
    assert world.sent == []
    assert world.run(access_token_flow(LOGIN, min_ttl=timedelta(minutes=31))) == "at1"


def test_a_token_renewed_by_another_worker_meanwhile_is_taken_as_it_is() -> None:
    def renew_elsewhere(world: World) -> None:
        world.tokens = held(timedelta(minutes=40), access_token="at7", refresh_token="rt7")

    world = World(tokens=FRESH, answer=granted, elsewhere=renew_elsewhere)
    assert world.run(access_token_flow(LOGIN, min_ttl=2 * HOUR)) == "at7"
    assert world.sent == []


@pytest.mark.parametrize("refresh_token", [None, "rt0"])
def test_a_token_that_cannot_be_made_to_last_is_handed_out_while_it_lasts(refresh_token: str | None) -> None:
    tokens = held(timedelta(minutes=30), refresh_token=refresh_token)
    world = World(tokens=tokens, answer=lambda _request, _route: refusal("invalid_grant"))
    assert world.run(access_token_flow(LOGIN, min_ttl=HOUR)) == "at0"
    with pytest.raises(LoginRequiredError):
        world.run(access_token_flow(LOGIN, min_ttl=HOUR, rejected="at0"))


def test_a_key_lasts_however_long_it_must() -> None:
    world = World(tokens=TokenSet(), answer=granted)
    assert world.run(access_token_flow(ApiKey(key="k"), min_ttl=HOUR)) == "k"

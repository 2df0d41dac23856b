"""What a login does to the one that there was: nothing, until the new one has come; then all at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import (
    CertificateError,
    ConnectionLostError,
    LoginFailedError,
    LoginRequiredError,
    NotConnectedError,
    ResponseTimeoutError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TokenStoreError,
)
from domain.flows import access_token_flow
from domain.http import HttpResponse
from domain.login_failures import no_refresh_token
from domain.login_flows import (
    LoggedIn,
    await_device_flow,
    prove_refresh_token_flow,
    prove_storable_flow,
    redeem_code_flow,
    request_device_flow,
)
from domain.oauth2 import ClientAuthentication
from domain.server_metadata import Endpoints, Person
from domain.token_events import TokenEventKind
from domain.tokens import TokenSet, fingerprint, refuse
from tests.domain.login_world import (
    ADDRESS,
    ATTEMPT,
    OLD,
    PLAN,
    SERVER,
    forms,
    found,
    grant,
    id_token,
    json_answer,
    paths,
    world_of,
)
from tests.fakes.world import NOON, Answer, World

OFFER = json_answer(
    {"device_code": "dc", "user_code": "UC", "verification_uri": f"{ADDRESS}/d", "expires_in": 60, "interval": 5}
)
PENDING = json_answer({"error": "authorization_pending"}, 400)


def redeemed(world: World) -> LoggedIn:
    return world.run(redeem_code_flow(PLAN, found(world), ATTEMPT, "the-code"))


def by_device(world: World) -> LoggedIn:
    known = found(world)
    offer = world.run(request_device_flow(PLAN, known))
    return world.run(await_device_flow(PLAN, known, offer))


def proved(world: World, refresh_token: str = "brought-rt") -> LoggedIn:
    return world.run(prove_refresh_token_flow(PLAN, found(world), refresh_token))


WAYS: list[Callable[[World], LoggedIn]] = [redeemed, by_device, proved]


@pytest.mark.parametrize("way", WAYS)
def test_the_new_pair_takes_the_place_of_the_old_one_and_everything_noted_of_it(
    way: Callable[[World], LoggedIn],
) -> None:
    dead = refuse(OLD, "old-rt", reason="invalid_grant", now=NOON)
    world = world_of(dead, token=grant(), dev=OFFER)
    logged_in = way(world)
    assert world.tokens == logged_in.tokens
    assert (world.tokens.refresh_token, world.tokens.access_token) == ("new-rt", "new-at")
    assert world.tokens.setback is None
    assert world.tokens.expires_at is not None
    assert len(world.saved) == 1
    (event,) = world.events
    assert (event.kind, event.refresh_token_fingerprint) == (TokenEventKind.LOGGED_IN, fingerprint("new-rt"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json_answer({"error": "invalid_grant"}, 400), LoginFailedError),
        (json_answer({"error": "invalid_client"}, 401), TokenEndpointError),
        (HttpResponse(status=404), TokenEndpointUnavailableError),
        (HttpResponse(status=200, body=b"<html>"), TokenEndpointUnavailableError),
        (CertificateError("unknown CA"), TokenEndpointUnavailableError),
        (grant(refresh_token="new-rt", id_token=id_token(aud="another")), LoginFailedError),
        (grant(id_token=id_token(iss="https://evil.example")), LoginFailedError),
    ],
)
def test_whatever_goes_wrong_leaves_the_old_login_as_it_was(
    way: Callable[[World], LoggedIn], answer: Any, error: type[TokenError]
) -> None:
    # A device waits for an endpoint that has trouble, until the code expires.
    error = LoginFailedError if way is by_device and error is TokenEndpointUnavailableError else error
    error = TokenEndpointUnavailableError if isinstance(answer, CertificateError) else error
    world = world_of(token=answer, dev=OFFER)
    with pytest.raises(error) as caught:
        way(world)
    assert (world.tokens, world.saved, world.servers, world.events) == (OLD, [], {}, [])
    assert caught.value.text.zh != caught.value.text.en


def test_a_code_is_sent_once_whatever_becomes_of_the_answer() -> None:
    for lost in (ResponseTimeoutError("silent"), ConnectionLostError("reset")):
        world = world_of(token=lost)
        with pytest.raises(TokenEndpointUnavailableError):
            redeemed(world)
        assert paths(world).count("/token") == 1


def test_an_id_token_that_answers_another_login_stores_nothing() -> None:
    world = world_of(token=grant(id_token=id_token(nonce="another")))
    with pytest.raises(LoginFailedError, match="nonce"):
        redeemed(world)
    assert world.saved == []


def test_the_id_token_tells_whose_login_it_is_by_the_servers_own_clock() -> None:
    world = world_of(token=grant(id_token=id_token(preferred_username="ada")))
    # Ours is a day off, the Date header is right.
    world.now = NOON + timedelta(days=1)
    logged_in = redeemed(world)
    assert logged_in.person == Person(subject="u1", name="ada")
    assert logged_in.clock_skew == -timedelta(days=1)
    assert world.events[0].clock_skew_seconds == -86_400
    assert world.servers[ADDRESS].person == logged_in.person


@pytest.mark.parametrize("way", [redeemed, by_device])
def test_an_answer_without_a_refresh_token_is_refused_with_the_mend(way: Callable[[World], LoggedIn]) -> None:
    world = world_of(token=grant(refresh_token=None), dev=OFFER)
    with pytest.raises(LoginFailedError, match=r"offline_access .*openid offline_access.*grant type refresh_token"):
        way(world)
    assert world.tokens == OLD


@pytest.mark.parametrize(("prompt", "hinted"), [(None, True), ("login", True), ("login consent", False)])
def test_a_server_that_wants_consent_first_is_hinted_at_where_none_was_asked_for(
    prompt: str | None, hinted: bool
) -> None:
    told = no_refresh_token("openid", prompt).text
    assert ("OAUTH_PROMPT=consent" in told.en, "OAUTH_PROMPT=consent" in told.zh) == (hinted, hinted)


def test_no_secret_that_was_sent_comes_back_in_a_message() -> None:
    told = json_answer({"error": "invalid_grant", "error_description": "the-code is spent, " + "v" * 43}, 400)
    with pytest.raises(LoginFailedError) as caught:
        redeemed(world_of(token=told))
    assert "the-code" not in str(caught.value)
    assert "vvv" not in str(caught.value)


def test_the_endpoint_that_was_learnt_is_where_the_login_is_renewed() -> None:
    world = world_of(token=grant())
    redeemed(world)
    assert world.servers[ADDRESS].token_endpoint == f"{ADDRESS}/token"
    world.sent.clear()
    world.now += timedelta(hours=2)
    assert world.run(access_token_flow(PLAN.login)) == "new-at"
    assert paths(world) == ["/token"]


def test_without_a_memory_and_with_a_setting_renewals_go_where_they_always_went() -> None:
    for server in (ADDRESS, None):
        world = world_of(replace(OLD, expires_at=NOON))
        world.answer = lambda _request, _route: grant()
        if server is None:
            world.servers[ADDRESS] = replace(found(world_of()).memory, token_endpoint=f"{ADDRESS}/token")
        assert world.run(access_token_flow(replace(PLAN.login, server=server))) == "new-at"
        assert paths(world) == ["/oauth2/v1/token"]


def test_an_endpoint_that_is_a_setting_is_not_kept_in_mind() -> None:
    plan = replace(PLAN, server=replace(SERVER, configured=Endpoints(token=f"{ADDRESS}/mine")))
    world = world_of(mine=grant())
    logged_in = world.run(redeem_code_flow(plan, found(world, plan), ATTEMPT, "c"))
    assert logged_in.token_endpoint == f"{ADDRESS}/mine"
    assert world.servers[ADDRESS].token_endpoint is None


def test_a_memory_that_cannot_be_written_costs_no_login_and_is_told() -> None:
    world = world_of(token=grant())
    world.memory_fails = True
    logged_in = redeemed(world)
    assert world.tokens.refresh_token == "new-rt"
    assert str(logged_in.unremembered) == "the folder is read-only"


def test_a_login_that_somebody_puts_there_in_that_moment_gives_way_to_the_one_asked_for() -> None:
    world = world_of(token=grant())
    world.pasted = TokenSet(refresh_token="pasted")
    redeemed(world)
    assert world.tokens.refresh_token == "new-rt"


def test_a_pair_that_cannot_be_written_is_told_by_the_store() -> None:
    world = world_of(token=grant())
    world.saving_fails = True
    with pytest.raises(TokenStoreError, match="the disk is full"):
        redeemed(world)


def test_before_a_person_does_anything_it_is_made_sure_that_the_login_can_be_stored() -> None:
    world = world_of()
    world.storable = False
    with pytest.raises(TokenStoreError, match="read-only"):
        world.run(prove_storable_flow(PLAN))
    world.run(prove_storable_flow(replace(PLAN, login=replace(PLAN.login, allow_unstorable=True))))


def test_a_confidential_client_proves_itself_in_every_request() -> None:
    client = replace(PLAN.login.client, client_secret="s3cret", authentication=ClientAuthentication.POST)
    plan = replace(PLAN, login=replace(PLAN.login, client=client))
    world = world_of(token=grant(), dev=OFFER)
    known = found(world, plan)
    world.run(redeem_code_flow(plan, known, ATTEMPT, "c"))
    offer = world.run(request_device_flow(plan, known))
    world.run(await_device_flow(plan, known, offer))
    world.run(prove_refresh_token_flow(plan, known, "brought"))
    assert {form.get("client_secret") for form in [*forms(world, "/token"), *forms(world, "/dev")]} == {"s3cret"}


def test_a_device_is_asked_at_the_servers_pace() -> None:
    slow = json_answer({"error": "slow_down"}, 400)
    world = world_of(token=[PENDING, slow, PENDING, grant()], dev=OFFER)
    assert by_device(world).tokens.refresh_token == "new-rt"
    assert world.paused == [timedelta(seconds=s) for s in (5, 5, 10, 10)]


def test_a_network_that_fails_meanwhile_is_waited_out_more_and_more_slowly() -> None:
    lost: list[Answer] = [ResponseTimeoutError("silent"), NotConnectedError("refused"), HttpResponse(status=503)]
    world = world_of(token=[*lost, grant()], dev=OFFER)
    assert by_device(world).tokens.refresh_token == "new-rt"
    # The last time just before the code expires.
    assert world.paused == [timedelta(seconds=s) for s in (5, 10, 20, 25)]
    world = world_of(token=[lost[0], PENDING, grant()], dev=OFFER)
    by_device(world)
    assert world.paused == [timedelta(seconds=s) for s in (5, 10, 5)]


@pytest.mark.parametrize(
    ("answer", "words"), [("access_denied", "declined"), ("expired_token", "not entered in time"), ("", "in time")]
)
def test_a_device_login_ends_with_the_persons_no_or_with_the_time(answer: str, words: str) -> None:
    last = json_answer({"error": answer}, 400) if answer else PENDING
    world = world_of(token=[PENDING, last], dev=OFFER)
    with pytest.raises(LoginFailedError, match=words):
        by_device(world)
    assert world.now <= NOON + timedelta(seconds=60)
    assert world.tokens == OLD


def test_a_device_endpoint_that_is_away_is_told() -> None:
    with pytest.raises(TokenEndpointUnavailableError, match="did not answer"):
        by_device(world_of(dev=NotConnectedError("refused")))


def test_a_refresh_token_that_was_brought_is_tried_again_once_when_the_answer_was_lost() -> None:
    for lost in (ResponseTimeoutError("silent"), HttpResponse(status=500)):
        world = world_of(token=[lost, grant()])
        assert proved(world).tokens.refresh_token == "new-rt"
        assert [form["refresh_token"] for form in forms(world, "/token")] == ["brought-rt"] * 2
        world = world_of(token=lost)
        with pytest.raises(TokenEndpointUnavailableError):
            proved(world)
        assert len(forms(world, "/token")) == 2


def test_a_refresh_token_that_was_replaced_without_an_access_token_is_not_shown_again() -> None:
    world = world_of(token=[grant(access_token=None, refresh_token="next-rt"), grant(refresh_token=None)])
    assert proved(world).tokens.access_token == "new-at"
    assert [form["refresh_token"] for form in forms(world, "/token")] == ["brought-rt", "next-rt"]


def test_the_refresh_token_that_is_stored_is_renewed_with_all_care() -> None:
    world = world_of(token=grant())
    assert proved(world, "old-rt").tokens.refresh_token == "new-rt"
    assert [event.kind for event in world.events] == [TokenEventKind.REFRESHED]
    dead = refuse(OLD, "old-rt", reason="invalid_grant", now=NOON)
    with pytest.raises(LoginRequiredError):
        proved(world_of(dead, token=grant()), "old-rt")


def test_what_could_not_be_stored_is_not_spent() -> None:
    world = world_of(token=grant())
    world.storable = False
    with pytest.raises(TokenStoreError):
        proved(world)
    assert forms(world, "/token") == []

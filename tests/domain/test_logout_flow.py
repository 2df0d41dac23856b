"""A logout forgets the login, and revokes it first where that is asked for (RFC 7009)."""

import json

import pytest

from domain.errors import NotConnectedError
from domain.http import HttpResponse
from domain.logout_flow import LoggedOut, Revocation, logout_flow
from domain.revocation import RevocationKind, read_revocation
from domain.server_metadata import Person, RememberedServer
from domain.token_events import TokenEventKind
from domain.tokens import TokenSet
from tests.domain.login_world import ADDRESS, OLD, PLAN, forms, found, world_of
from tests.fakes.world import World


def logged_out(world: World, *, revoke: bool = True) -> LoggedOut:
    known = found(world) if revoke else None
    return world.run(logout_flow(PLAN if revoke else None, known, address=ADDRESS))


def test_the_login_is_forgotten_and_whose_it_was() -> None:
    world = world_of()
    world.servers[ADDRESS] = RememberedServer(token_endpoint=f"{ADDRESS}/token", person=Person(subject="u1"))
    done = logged_out(world, revoke=False)
    assert (done.had_login, done.cleared, done.revocation) == (True, True, Revocation.NOT_ASKED)
    assert world.tokens == TokenSet()
    assert world.servers[ADDRESS] == RememberedServer(token_endpoint=f"{ADDRESS}/token")
    assert world.sent == []
    assert [event.kind for event in world.events] == [TokenEventKind.LOGGED_OUT]


def test_the_refresh_token_is_revoked_first_then_the_access_token() -> None:
    world = world_of(revoke=HttpResponse(status=200))
    done = logged_out(world)
    assert (done.cleared, done.revocation) == (True, Revocation.REVOKED)
    sent = [(form["token"], form["token_type_hint"]) for form in forms(world, "/revoke")]
    assert sent == [("old-rt", "refresh_token"), ("old-at", "access_token")]


def test_a_second_logout_does_nothing_and_is_no_error() -> None:
    world = world_of(TokenSet())
    done = logged_out(world)
    assert (done.had_login, done.cleared) == (False, True)
    assert forms(world, "/revoke") == []
    assert world.events == []


@pytest.mark.parametrize("answer", [NotConnectedError("refused"), HttpResponse(status=503)])
def test_a_server_that_cannot_be_asked_keeps_the_login_here(answer: HttpResponse | NotConnectedError) -> None:
    world = world_of(revoke=answer)
    done = logged_out(world)
    assert (done.cleared, done.revocation) == (False, Revocation.UNREACHABLE)
    assert world.tokens == OLD
    assert done.why.en
    assert done.why.zh


def test_a_server_that_will_not_revoke_does_not_keep_it() -> None:
    refusal = {"error": "unsupported_token_type", "error_description": "not old-rt"}
    world = world_of(revoke=HttpResponse(status=400, body=json.dumps(refusal).encode()))
    done = logged_out(world)
    assert (done.cleared, done.revocation) == (True, Revocation.REFUSED)
    assert "unsupported_token_type" in str(done.why)
    assert "old-rt" not in str(done.why)
    assert world.tokens == TokenSet()


def test_an_access_token_that_cannot_be_revoked_goes_with_its_refresh_token() -> None:
    world = world_of(revoke=[HttpResponse(status=200), HttpResponse(status=400)])
    assert logged_out(world).revocation is Revocation.REVOKED
    alone = world_of(TokenSet(access_token="at"), revoke=HttpResponse(status=400))
    assert logged_out(alone).revocation is Revocation.REFUSED


def test_a_memory_that_cannot_be_written_does_not_keep_the_login() -> None:
    world = world_of()
    world.servers[ADDRESS] = RememberedServer(person=Person(subject="u1"))
    world.memory_fails = True
    assert logged_out(world, revoke=False).cleared
    assert world.tokens == TokenSet()


def test_an_answer_of_the_revocation_endpoint_is_understood() -> None:
    kinds = {status: read_revocation(HttpResponse(status=status), token="t").kind for status in (200, 404, 429, 500)}
    assert kinds == {
        200: RevocationKind.REVOKED,
        404: RevocationKind.REFUSED,
        429: RevocationKind.UNAVAILABLE,
        500: RevocationKind.UNAVAILABLE,
    }

"""Where the endpoints are: asked once, kept in mind, and never in the way of a login."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import (
    CertificateError,
    ConfigurationError,
    NotConnectedError,
    ResponseTimeoutError,
    TokenEndpointUnavailableError,
    TransportError,
)
from domain.http import HttpRequest, HttpResponse, Route
from domain.server_metadata import Endpoints
from tests.domain.login_world import ADDRESS, DOCUMENT, PLAN, SERVER, Script, found, json_answer, paths, world_of
from tests.fakes.world import World

OPENID, RFC_8414 = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"


def asked_of(**answers: HttpResponse) -> World:
    names = {"openid": OPENID, "rfc8414": RFC_8414}
    script = Script({names[name]: [answer] for name, answer in answers.items()})
    return replace(world_of(), answer=script)


def away(error: TransportError) -> World:
    """A server that gives no answer."""

    def answer(_request: HttpRequest, _route: Route) -> TransportError:
        return error

    return replace(world_of(), answer=answer)


def test_the_openid_document_tells_where_everything_is() -> None:
    world = world_of()
    known = found(world)
    assert paths(world) == [OPENID]
    assert known.client.token_endpoint == f"{ADDRESS}/token"
    assert (known.endpoints.device, known.issuer) == (f"{ADDRESS}/dev", ADDRESS)


def test_the_document_of_rfc_8414_is_asked_for_next() -> None:
    world = asked_of(rfc8414=json_answer(DOCUMENT))
    assert found(world).client.token_endpoint == f"{ADDRESS}/token"
    assert paths(world) == [OPENID, RFC_8414]


def test_without_documents_the_paths_of_the_preset_are_used() -> None:
    world = asked_of(openid=HttpResponse(status=500), rfc8414=HttpResponse(status=200, body=b"<html>"))
    known = found(world)
    assert known.endpoints == SERVER.fallback
    assert known.client.token_endpoint == f"{ADDRESS}/oauth2/v1/token"
    assert not known.names_itself


def test_an_answer_that_does_not_come_is_no_obstacle_but_a_server_that_is_away_is_told_at_once() -> None:
    silent = away(ResponseTimeoutError("silent"))
    assert found(silent).endpoints == SERVER.fallback
    for error in (NotConnectedError("refused"), CertificateError("unknown CA")):
        with pytest.raises(TokenEndpointUnavailableError, match="Nothing was changed"):
            found(away(error))


def test_the_proxy_is_tried_when_the_direct_way_is_closed() -> None:
    def answer(_request: object, route: Route) -> HttpResponse | NotConnectedError:
        return NotConnectedError("closed") if route is Route.DIRECT else json_answer(DOCUMENT)

    world = replace(world_of(), answer=answer, routes=(Route.DIRECT, Route.PROXY))
    assert found(world).client.token_endpoint == f"{ADDRESS}/token"
    assert world.working is Route.PROXY


def test_the_document_of_another_issuer_ends_the_login() -> None:
    with pytest.raises(ConfigurationError, match="another issuer"):
        found(asked_of(openid=json_answer({**DOCUMENT, "issuer": "https://evil.example"})))


def test_what_is_remembered_is_not_asked_again_until_it_is_old() -> None:
    world = world_of()
    memory = found(world).memory
    world.servers[ADDRESS] = memory
    world.sent.clear()
    assert found(world).client.token_endpoint == f"{ADDRESS}/token"
    assert world.sent == []
    world.now += timedelta(hours=25)
    found(world)
    assert paths(world) == [OPENID]


def test_a_failure_is_remembered_for_minutes() -> None:
    world = asked_of()
    world.servers[ADDRESS] = found(world).memory
    world.sent.clear()
    world.now += timedelta(minutes=4)
    assert found(world).endpoints == SERVER.fallback
    assert world.sent == []
    world.now += timedelta(minutes=2)
    found(world)
    assert paths(world) == [OPENID, RFC_8414]


def test_a_setting_wins_over_the_document() -> None:
    plan = replace(PLAN, server=replace(SERVER, configured=Endpoints(token=f"{ADDRESS}/mine")))
    assert found(world_of(), plan).client.token_endpoint == f"{ADDRESS}/mine"

"""RFC 7009: what goes with a token, and what succeeds although there was nothing to do."""

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.login_requests import LoginRequests, error_of


def test_a_refresh_token_takes_its_whole_login_with_it(program: LoginRequests) -> None:
    mine, other = program.log_in(), program.log_in()
    renewed = program.renew(mine["refresh_token"]).json()

    response = program.revoke(renewed["refresh_token"], token_type_hint="refresh_token")

    assert (response.status_code, response.content) == (200, b"")
    assert not program.accepts(mine["access_token"])
    assert not program.accepts(renewed["access_token"])
    assert error_of(program.renew(renewed["refresh_token"])) == (400, "invalid_grant")
    assert program.accepts(other["access_token"])
    assert program.renew(other["refresh_token"]).status_code == 200


def test_an_access_token_goes_alone(program: LoginRequests) -> None:
    mine = program.log_in()
    renewed = program.renew(mine["refresh_token"]).json()

    # A wrong hint does no harm (section 2.1).
    assert program.revoke(mine["access_token"], token_type_hint="refresh_token").status_code == 200

    assert not program.accepts(mine["access_token"])
    assert program.accepts(renewed["access_token"])
    assert program.renew(renewed["refresh_token"]).status_code == 200


def test_a_spent_refresh_token_still_ends_its_login(program: LoginRequests) -> None:
    mine = program.log_in()
    renewed = program.renew(mine["refresh_token"]).json()

    assert program.revoke(mine["refresh_token"]).status_code == 200

    assert error_of(program.renew(renewed["refresh_token"])) == (400, "invalid_grant")


def test_what_is_unknown_or_was_revoked_before_is_revoked_with_success(program: LoginRequests) -> None:
    mine = program.log_in()["refresh_token"]

    assert [program.revoke(token).status_code for token in ("unknown", mine, mine)] == [200, 200, 200]


def test_another_clients_token_is_not_revoked(program: LoginRequests) -> None:
    mine = program.log_in()
    other = {"client_id": "oca-sandbox-confidential", "client_secret": "sandbox: +/=&% secret"}
    for token in (mine["refresh_token"], mine["access_token"]):
        assert error_of(program.revoke(token, **other)) == (400, "invalid_grant")

    assert program.accepts(mine["access_token"])


def test_a_bad_request_is_refused(program: LoginRequests) -> None:
    assert error_of(program.revoke("")) == (400, "invalid_request")
    assert error_of(program.revoke("unknown", client_id="")) == (400, "invalid_request")
    assert error_of(program.revoke("unknown", client_id="somebody")) == (401, "invalid_client")
    assert error_of(program.revoke("unknown", client_secret="guess")) == (401, "invalid_client")
    assert program.http.get(program.sandbox.place_of(Endpoint.REVOCATION)).status_code == 405


def test_a_server_that_is_busy_revokes_nothing(sandbox: Sandbox, program: LoginRequests) -> None:
    mine = program.log_in()
    sandbox.controls.authorization.faults.add(LoginFault.REVOCATION_STATUS_503)

    response = program.revoke(mine["refresh_token"])

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert program.accepts(mine["access_token"])
    assert sandbox.controls.authorization.requests_at(Endpoint.REVOCATION) == 1

"""Discovery tells the truth, and tells otherwise when it is told to."""

from typing import Any

import httpx
import pytest

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.login_requests import LoginRequests, authorize_address, callback_of, claims_of
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser

DOCUMENTS = (Endpoint.OPENID_CONFIGURATION, Endpoint.SERVER_METADATA)


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> Endpoint:
    endpoint: Endpoint = request.param
    return endpoint


def read(http: httpx.Client, sandbox: Sandbox, document: Endpoint = Endpoint.OPENID_CONFIGURATION) -> dict[str, Any]:
    response = http.get(sandbox.place_of(document))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    members: dict[str, Any] = response.json()
    return members


def test_the_documents_name_the_issuer_and_every_endpoint(
    sandbox: Sandbox, http: httpx.Client, document: Endpoint
) -> None:
    members = read(http, sandbox, document)

    assert members["issuer"] == sandbox.url
    assert members["authorization_endpoint"] == f"{sandbox.url}/oauth2/v1/authorize"
    assert members["token_endpoint"] == sandbox.token_endpoint
    assert members["device_authorization_endpoint"] == f"{sandbox.url}/oauth2/v1/device"
    assert members["revocation_endpoint"] == f"{sandbox.url}/oauth2/v1/revoke"
    assert members["code_challenge_methods_supported"] == ["S256"]
    assert members["authorization_response_iss_parameter_supported"] is True
    assert "urn:ietf:params:oauth:grant-type:device_code" in members["grant_types_supported"]


def test_the_documents_hold_what_their_standards_require(
    sandbox: Sandbox, http: httpx.Client, document: Endpoint
) -> None:
    members = read(http, sandbox, document)

    # OpenID Connect Discovery 1.0 section 3; RFC 8414 section 2 requires less.
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert members[name].startswith("http://127.0.0.1:")
    assert members["response_types_supported"] == ["code"]
    assert members["subject_types_supported"] == ["public"]
    assert "RS256" in members["id_token_signing_alg_values_supported"]
    assert members["scopes_supported"] == ["offline_access", "openid"]
    assert set(members["token_endpoint_auth_methods_supported"]) == {
        "none",
        "client_secret_basic",
        "client_secret_post",
    }


def test_a_moved_endpoint_works_at_its_new_place_only_and_is_announced_there(
    sandbox: Sandbox, http: httpx.Client, program: LoginRequests
) -> None:
    old = sandbox.token_endpoint
    sandbox.controls.authorization.paths[Endpoint.TOKEN] = "/token"

    assert read(http, sandbox)["token_endpoint"] == sandbox.token_endpoint == f"{sandbox.url}/token"
    assert f"OAUTH_TOKEN_URL={sandbox.url}/token\n" in sandbox.env_text("r")
    assert program.log_in()["refresh_token"]
    assert http.post(old).status_code == 404


def test_moved_pages_send_their_forms_to_their_new_place(
    sandbox: Sandbox, program: LoginRequests, browser: ScriptedBrowser
) -> None:
    sandbox.controls.authorization.paths |= {Endpoint.AUTHORIZE: "/as/auth", Endpoint.VERIFICATION: "/activate"}

    assert program.log_in()["refresh_token"]
    answer = program.device()
    assert answer["verification_uri"] == f"{sandbox.url}/activate"
    assert "Access allowed" in browser.log_in(answer["verification_uri_complete"]).text


def test_an_absent_endpoint_is_not_found_and_not_announced(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.controls.authorization.absent |= {Endpoint.DEVICE, Endpoint.REVOCATION, Endpoint.SERVER_METADATA}

    members = read(http, sandbox)

    assert "device_authorization_endpoint" not in members
    assert "revocation_endpoint" not in members
    assert members["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert http.post(sandbox.place_of(Endpoint.DEVICE)).status_code == 404
    assert http.get(sandbox.place_of(Endpoint.SERVER_METADATA)).status_code == 404


def test_the_documents_may_be_broken(sandbox: Sandbox, http: httpx.Client, document: Endpoint) -> None:
    faults = sandbox.controls.authorization.faults
    faults.add(LoginFault.METADATA_HTML)
    page = http.get(sandbox.place_of(document))
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    faults.add(LoginFault.METADATA_STATUS_500)
    assert http.get(sandbox.place_of(document)).status_code == 500
    assert sandbox.controls.authorization.requests_at(document) == 2


def test_members_may_be_changed_and_taken_out(sandbox: Sandbox, http: httpx.Client) -> None:
    changes = {"issuer": "https://attacker.example", "revocation_endpoint": None}
    sandbox.controls.authorization.metadata_changes |= changes

    members = read(http, sandbox)

    assert members["issuer"] == "https://attacker.example"
    assert "revocation_endpoint" not in members


def test_a_server_behind_another_address_speaks_of_itself_by_that_one(
    sandbox: Sandbox, http: httpx.Client, program: LoginRequests, browser: ScriptedBrowser
) -> None:
    sandbox.controls.authorization.public_url = "https://login.example"

    assert read(http, sandbox)["issuer"] == "https://login.example"
    assert read(http, sandbox)["token_endpoint"] == "https://login.example/oauth2/v1/token"
    assert program.device()["verification_uri"] == "https://login.example/device"
    answer = callback_of(browser.press(browser.open(authorize_address(sandbox))))
    assert answer["iss"] == "https://login.example"
    assert claims_of(program.redeem(answer["code"]).json()["id_token"])["iss"] == "https://login.example"

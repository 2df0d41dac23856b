"""RFC 6749 section 2.3: how a client proves itself, at every endpoint where one must."""

import base64
from dataclasses import replace
from urllib.parse import quote_plus

import httpx
import pytest

from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Endpoint
from tests.adapters.sandbox.login_requests import LoginRequests, error_of

NAMED = {"client_id": CONFIDENTIAL_CLIENT_ID}
POSTED = {**NAMED, "client_secret": CONFIDENTIAL_CLIENT_SECRET}


def basic(secret: str = CONFIDENTIAL_CLIENT_SECRET, client_id: str = CONFIDENTIAL_CLIENT_ID) -> dict[str, str]:
    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def renew(program: LoginRequests, form: dict[str, str], headers: dict[str, str]) -> httpx.Response:
    token = program.sandbox.controls.logins.issue_login(client_id=CONFIDENTIAL_CLIENT_ID)
    return program.post(
        Endpoint.TOKEN, {"grant_type": "refresh_token", "refresh_token": token, **form}, headers=headers
    )


@pytest.mark.parametrize(
    ("form", "headers"), [(POSTED, {}), ({}, basic()), (NAMED, basic())], ids=["post", "basic", "basic and named"]
)
def test_a_confidential_client_proves_itself_in_the_form_or_by_basic(
    program: LoginRequests, form: dict[str, str], headers: dict[str, str]
) -> None:
    assert renew(program, form, headers).status_code == 200


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        (NAMED, {}, 401, "invalid_client"),
        ({**NAMED, "client_secret": "guess"}, {}, 401, "invalid_client"),
        ({}, basic("guess"), 401, "invalid_client"),
        ({}, basic(client_id="somebody"), 401, "invalid_client"),
        ({}, basic(client_id="oca-sandbox"), 401, "invalid_client"),
        ({}, {"Authorization": "Bearer x"}, 401, "invalid_client"),
        ({}, {"Authorization": "Basic ?"}, 401, "invalid_client"),
        ({}, {"Authorization": f"Basic {base64.b64encode(b'no colon').decode()}"}, 401, "invalid_client"),
        # Not form-encoded: what the secret holds is read otherwise.
        (
            {},
            {"Authorization": f"Basic {base64.b64encode(b'oca-sandbox-confidential:sandbox: +/=&% secret').decode()}"},
            401,
            "invalid_client",
        ),
        (POSTED, basic(), 400, "invalid_request"),
        ({"client_id": "oca-sandbox"}, basic(), 400, "invalid_request"),
    ],
)
def test_who_does_not_prove_itself_in_exactly_one_way_is_refused(
    program: LoginRequests, form: dict[str, str], headers: dict[str, str], status: int, error: str
) -> None:
    response = renew(program, form, headers)

    assert error_of(response) == (status, error)
    assert ("www-authenticate" in response.headers) == (status == 401)


def test_a_confidential_client_logs_in_both_ways_and_out(sandbox: Sandbox, program: LoginRequests) -> None:
    confidential = replace(program, client=POSTED)
    by_browser = confidential.log_in(client_id=CONFIDENTIAL_CLIENT_ID)
    device_code = confidential.device()["device_code"]
    sandbox.controls.authorization.approve_device()
    by_device = confidential.poll(device_code).json()

    for body in (by_browser, by_device):
        renewed = confidential.renew(body["refresh_token"]).json()
        assert confidential.revoke(renewed["refresh_token"]).status_code == 200
        assert not confidential.accepts(renewed["access_token"])


def test_a_refresh_token_is_bound_to_its_client(program: LoginRequests) -> None:
    confidential = replace(program, client=POSTED)
    mine = program.log_in()["refresh_token"]

    assert error_of(confidential.renew(mine)) == (400, "invalid_grant")
    assert program.renew(mine).status_code == 200


def test_a_refresh_may_not_ask_for_more_than_was_granted(program: LoginRequests) -> None:
    mine = program.log_in(scope="offline_access")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": mine, "client_id": "oca-sandbox"}

    assert error_of(program.post(Endpoint.TOKEN, {**form, "scope": "openid"})) == (400, "invalid_scope")
    assert program.post(Endpoint.TOKEN, {**form, "scope": "offline_access"}).status_code == 200

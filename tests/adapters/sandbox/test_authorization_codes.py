"""What a code buys, once, for the program that asked for it; and who is named in the ID token."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.sandbox.authorization_codes import s256
from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.login_requests import REDIRECT_URI, VERIFIER, LoginRequests, claims_of, error_of
from tests.fakes.clock import FakeClock


def test_a_code_buys_tokens_that_work(program: LoginRequests) -> None:
    response = program.redeem(program.code())

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 60, "offline_access openid")
    assert program.accepts(body["access_token"])
    assert program.renew(body["refresh_token"]).status_code == 200


def test_a_challenge_is_what_rfc_7636_computes() -> None:
    assert s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_that_comes_again_revokes_what_it_bought(program: LoginRequests) -> None:
    code = program.code()
    bought = program.redeem(code).json()

    assert error_of(program.redeem(code)) == (400, "invalid_grant")
    assert not program.accepts(bought["access_token"])
    assert error_of(program.renew(bought["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "A" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": f"{VERIFIER}=" + "A" * 90}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": REDIRECT_URI + "/"}, "invalid_grant"),
        ({"redirect_uri": REDIRECT_URI.replace("127.0.0.1", "localhost")}, "invalid_grant"),
        ({"redirect_uri": REDIRECT_URI.replace("49152", "49153")}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        (
            {"client_id": "oca-sandbox-confidential", "client_secret": "sandbox: +/=&% secret"},
            "invalid_grant",
        ),
        ({"client_id": "oca-sandbox-confidential"}, "invalid_client"),
    ],
)
def test_a_code_is_bound_to_all_that_it_was_asked_for_with(
    program: LoginRequests, changes: dict[str, str | None], error: str
) -> None:
    form: dict[str, str | None] = {"code": program.code(), **changes}

    response = program.redeem(**form)

    assert response.json()["error"] == error


def test_a_guess_at_the_verifier_spends_the_code(program: LoginRequests) -> None:
    code = program.code()
    program.redeem(code, code_verifier="A" * 43)

    assert error_of(program.redeem(code)) == (400, "invalid_grant")


def test_a_code_lives_a_minute(program: LoginRequests, clock: FakeClock) -> None:
    early, late = program.code(), program.code()
    clock.advance(timedelta(seconds=59))
    assert program.redeem(early).status_code == 200
    clock.advance(timedelta(seconds=1))

    assert error_of(program.redeem(late)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [{"scope": "openid"}, {"prompt": None}, {"prompt": "login"}],
    ids=["not asked for", "no prompt", "without consent"],
)
def test_without_consent_to_offline_access_there_is_no_refresh_token(
    program: LoginRequests, changes: dict[str, str | None]
) -> None:
    body = program.log_in(**changes)

    assert "refresh_token" not in body
    assert body["scope"] == "openid"


def test_a_server_may_not_ask_for_the_consent_prompt(sandbox: Sandbox, program: LoginRequests) -> None:
    sandbox.controls.authorization.offline_needs_consent = False

    assert program.log_in(prompt=None)["refresh_token"]


def test_the_id_token_says_who_logged_in_where_for_whom_and_when(
    sandbox: Sandbox, program: LoginRequests, clock: FakeClock
) -> None:
    now = int(clock.now().timestamp())

    assert claims_of(program.log_in()["id_token"]) == {
        "iss": sandbox.url,
        "sub": "sandbox-user-1",
        "aud": "oca-sandbox",
        "iat": now,
        "exp": now + 3600,
        "auth_time": now,
        "preferred_username": "ada@sandbox.example",
        "nonce": "n0nce",
    }
    assert "nonce" not in claims_of(program.log_in(nonce=None)["id_token"])


def test_only_a_login_for_openid_brings_an_id_token(program: LoginRequests) -> None:
    assert "id_token" not in program.log_in(scope="offline_access")


def test_the_id_token_is_signed_by_the_key_that_discovery_leads_to(
    sandbox: Sandbox, program: LoginRequests, http: httpx.Client
) -> None:
    token = program.log_in()["id_token"]
    [key] = http.get(sandbox.place_of(Endpoint.KEYS)).json()["keys"]
    signed, _, signature = token.rpartition(".")

    def number(text: str) -> int:
        return int.from_bytes(decoded(text))

    def decoded(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    public = RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    assert public.key_size == 2048
    public.verify(decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(decoded(signature), signed.encode() + b"x", PKCS1v15(), SHA256())
    assert b'"alg":"RS256"' in decoded(token.split(".")[0])
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


@pytest.mark.parametrize(
    ("fault", "claim", "expected"),
    [
        (LoginFault.NO_NONCE, "nonce", None),
        (LoginFault.WRONG_NONCE, "nonce", "of-another-request"),
        (LoginFault.WRONG_AUDIENCE, "aud", "another-client"),
        (LoginFault.WRONG_ISSUER, "iss", "{url}/other"),
    ],
)
def test_an_id_token_goes_wrong_when_it_is_told_to(
    sandbox: Sandbox, program: LoginRequests, fault: LoginFault, claim: str, expected: str | None
) -> None:
    sandbox.controls.authorization.faults.add(fault)

    found = claims_of(program.log_in()["id_token"]).get(claim)

    assert found == (None if expected is None else expected.format(url=sandbox.url))


def test_an_id_token_may_have_expired(sandbox: Sandbox, program: LoginRequests, clock: FakeClock) -> None:
    sandbox.controls.authorization.faults.add(LoginFault.EXPIRED_ID_TOKEN)

    claims = claims_of(program.log_in()["id_token"])

    assert claims["exp"] == clock.now().timestamp() - 3600


def test_a_login_may_lack_what_was_granted(sandbox: Sandbox, program: LoginRequests) -> None:
    sandbox.controls.authorization.faults |= {LoginFault.NO_ID_TOKEN, LoginFault.NO_REFRESH_TOKEN}

    body: dict[str, Any] = program.log_in()

    assert "id_token" not in body
    assert "refresh_token" not in body
    assert body["scope"] == "offline_access openid"


def test_a_refresh_brings_an_id_token_of_the_first_login_where_the_server_does_so(
    sandbox: Sandbox, program: LoginRequests, clock: FakeClock
) -> None:
    began = int(clock.now().timestamp())
    first = program.log_in()
    clock.advance(timedelta(minutes=5))
    renewed = program.renew(first["refresh_token"]).json()
    assert "id_token" not in renewed
    sandbox.controls.authorization.id_token_at_refresh = True

    claims = claims_of(program.renew(renewed["refresh_token"]).json()["id_token"])

    # OpenID Connect Core 1.0 section 12.2.
    assert (claims["sub"], claims["auth_time"], claims["iat"]) == ("sandbox-user-1", began, began + 300)
    assert "nonce" not in claims

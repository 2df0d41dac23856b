"""What the tests of the login flows say to the sandbox."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from adapters.sandbox.authorization_codes import s256
from adapters.sandbox.server import Sandbox
from adapters.sandbox.world import Endpoint
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser

REDIRECT_URI = "http://127.0.0.1:49152/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def authorize_fields(**changes: str | None) -> dict[str, str]:
    """A good authorization request; None leaves a parameter out."""
    fields: dict[str, str | None] = {
        "client_id": "oca-sandbox",
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": "openid offline_access",
        "state": "s t&te",
        "nonce": "n0nce",
        "code_challenge": s256(VERIFIER),
        "code_challenge_method": "S256",
        "prompt": "consent",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def authorize_address(sandbox: Sandbox, **changes: str | None) -> str:
    return f"{sandbox.place_of(Endpoint.AUTHORIZE)}?{urlencode(authorize_fields(**changes))}"


def callback_of(response: httpx.Response) -> dict[str, str]:
    """The parameters that a redirect brings the client."""
    assert response.status_code == 303, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


@dataclass(frozen=True, kw_only=True)
class LoginRequests:
    """One program that logs in, and its user's browser."""

    sandbox: Sandbox
    http: httpx.Client
    browser: ScriptedBrowser
    client: dict[str, str] = field(default_factory=lambda: {"client_id": "oca-sandbox"})

    def post(self, endpoint: Endpoint, form: dict[str, str], **options: Any) -> httpx.Response:
        return self.http.post(self.sandbox.place_of(endpoint), data=form, **options)

    def code(self, **changes: str | None) -> str:
        """An authorization code that the user has allowed."""
        page = self.browser.open(authorize_address(self.sandbox, **changes))
        return callback_of(self.browser.press(page))["code"]

    def redeem(self, code: str | None, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
            **self.client,
            **changes,
        }
        return self.post(Endpoint.TOKEN, {name: value for name, value in form.items() if value is not None})

    def log_in(self, **changes: str | None) -> dict[str, Any]:
        """The tokens of a browser's login."""
        response = self.redeem(self.code(**changes))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def device(self, **changes: str) -> dict[str, Any]:
        """The answer of the device authorization endpoint."""
        response = self.post(Endpoint.DEVICE, {"scope": "openid offline_access", **self.client, **changes})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def poll(self, device_code: str, **changes: str) -> httpx.Response:
        form = {"grant_type": DEVICE_GRANT, "device_code": device_code, **self.client, **changes}
        return self.post(Endpoint.TOKEN, form)

    def renew(self, refresh_token: str) -> httpx.Response:
        return self.post(Endpoint.TOKEN, {"grant_type": "refresh_token", "refresh_token": refresh_token, **self.client})

    def revoke(self, token: str, **changes: str) -> httpx.Response:
        return self.post(Endpoint.REVOCATION, {"token": token, **self.client, **changes})

    def accepts(self, access_token: str) -> bool:
        """Whether the upstream does."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(self.sandbox.models_url, headers=headers).status_code == 200


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def claims_of(token: str) -> dict[str, Any]:
    """What a JSON Web Token says; its signature is not looked at."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims

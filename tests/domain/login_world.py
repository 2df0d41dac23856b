"""An authorization server that is a dictionary of answers, for the flows of logins and logouts."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from domain.authorization import AuthorizationAttempt
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from domain.known_server import KnownServer, LoginPlan, find_server_flow
from domain.oauth2 import OAuth2Client
from domain.refreshing import Login
from domain.server_metadata import AuthorizationServer, Endpoints, discovery_urls
from domain.tokens import RefreshPolicy, TokenSet
from tests.fakes.world import NOON, Answer, World

ADDRESS = "https://as.example"
TIMEOUTS = Timeouts(connect=timedelta(seconds=2), read=timedelta(seconds=30))
SERVER = AuthorizationServer(
    address=ADDRESS,
    discovery_urls=discovery_urls(ADDRESS),
    issuer=ADDRESS,
    configured=Endpoints(),
    fallback=Endpoints(
        authorization=f"{ADDRESS}/oauth2/v1/authorize",
        token=f"{ADDRESS}/oauth2/v1/token",
        device=f"{ADDRESS}/oauth2/v1/device",
        revocation=f"{ADDRESS}/oauth2/v1/revoke",
    ),
)
PLAN = LoginPlan(
    login=Login(
        client=OAuth2Client(token_endpoint=f"{ADDRESS}/oauth2/v1/token", client_id="client"),
        policy=RefreshPolicy(),
        timeouts=TIMEOUTS,
        mend="MEND",
        server=ADDRESS,
    ),
    server=SERVER,
    scope="openid offline_access",
    prompt=None,
    device_response_type=None,
    discovery=TIMEOUTS,
)
DOCUMENT = {
    "issuer": ADDRESS,
    "authorization_endpoint": f"{ADDRESS}/auth",
    "token_endpoint": f"{ADDRESS}/token",
    "device_authorization_endpoint": f"{ADDRESS}/dev",
    "revocation_endpoint": f"{ADDRESS}/revoke",
}
ATTEMPT = AuthorizationAttempt(
    state="s", nonce="the-nonce", code_verifier="v" * 43, redirect_uri="http://127.0.0.1:1/callback"
)
OLD = TokenSet(refresh_token="old-rt", access_token="old-at", expires_at=NOON + timedelta(minutes=9))


def json_answer(document: Mapping[str, Any], status: int = 200) -> HttpResponse:
    headers = (("Date", format_datetime(NOON, usegmt=True)),)
    return HttpResponse(status=status, headers=headers, body=json.dumps(document).encode())


def id_token(**changes: Any) -> str:
    claims = {"iss": ADDRESS, "sub": "u1", "aud": "client", "exp": NOON.timestamp() + 300, "nonce": "the-nonce"}
    payload = base64.urlsafe_b64encode(json.dumps({**claims, **changes}).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def grant(**changes: Any) -> HttpResponse:
    document = {"access_token": "new-at", "refresh_token": "new-rt", "expires_in": 3600, "token_type": "Bearer"}
    merged = {**document, **changes}
    return json_answer({key: value for key, value in merged.items() if value is not None})


@dataclass
class Script:
    """Answers by path; the answers of one path come one after the other, and the last one stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])

    def __call__(self, request: HttpRequest, _route: Route) -> Answer:
        planned = self.answers.get(request.url.removeprefix(ADDRESS), [HttpResponse(status=404)])
        return planned.pop(0) if len(planned) > 1 else planned[0]


def world_of(tokens: TokenSet = OLD, **answers: Answer | list[Answer]) -> World:
    """A world with discovery, and these answers: `token`, `dev`, `revoke` and so on name a path."""
    planned: dict[str, list[Answer]] = {"/.well-known/openid-configuration": [json_answer(DOCUMENT)]}
    for name, answer in answers.items():
        planned[f"/{name}"] = answer if isinstance(answer, list) else [answer]
    return World(tokens=tokens, answer=Script(planned))


def found(world: World, plan: LoginPlan = PLAN) -> KnownServer:
    return world.run(find_server_flow(plan))


def paths(world: World) -> list[str]:
    return [request.url.removeprefix(ADDRESS) for request, _ in world.sent]


def forms(world: World, path: str) -> list[dict[str, str]]:
    """What was sent to a path."""
    bodies = [request.body.decode() for request, _ in world.sent if request.url == ADDRESS + path]
    return [{key: values[0] for key, values in parse_qs(body).items()} for body in bodies]

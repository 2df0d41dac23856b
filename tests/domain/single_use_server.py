"""An authorization server as a value: each refresh token is taken once."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs

from domain.http import HttpRequest, HttpResponse

LIFETIME = timedelta(seconds=100)
REFUSED = 400


@dataclass(slots=True, kw_only=True)
class Server:
    """Single-use refresh tokens. With `grace`, a spent one yields its successor again until that has been used."""

    grace: bool
    logins: int = 0
    alive: set[int] = field(default_factory=set[int])
    successors: dict[str, str] = field(default_factory=dict[str, str])
    issued: list[str] = field(default_factory=list[str])

    def log_in(self) -> str:
        self.logins += 1
        self.alive.add(self.logins)
        return f"login{self.logins}-0"

    def answer(self, request: HttpRequest) -> HttpResponse:
        spent = parse_qs(request.body.decode())["refresh_token"][0]
        login, number = spent.removeprefix("login").split("-")
        successor = self.successors.get(spent)
        if successor is not None and not (self.grace and successor not in self.successors):
            self.alive.discard(int(login))
        if int(login) not in self.alive:
            return HttpResponse(status=REFUSED, body=b'{"error": "invalid_grant"}')
        self.successors[spent] = f"login{login}-{int(number) + 1}"
        self.issued.append(f"at{len(self.issued)}")
        grant = {"access_token": self.issued[-1], "refresh_token": self.successors[spent]}
        return HttpResponse(status=200, body=json.dumps(grant | {"expires_in": LIFETIME.total_seconds()}).encode())

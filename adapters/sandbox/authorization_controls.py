"""What a test may turn and read at the authorization server's login flows."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from adapters.sandbox.authorization_codes import CodeLedger
from adapters.sandbox.device_codes import DeviceLedger, DeviceRequest
from adapters.sandbox.logins import LoginLedger
from adapters.sandbox.world import Endpoint
from ports.clock import Clock

MOST_REQUESTS_KEPT = 1024


class LoginFault(Enum):
    """What the authorization server does wrong, for as long as it stands in `AuthorizationControls.faults`."""

    METADATA_STATUS_500 = "both metadata documents are answered with status 500"
    METADATA_HTML = "both metadata documents are a page of HTML, with status 200"
    NO_CALLBACK_ISS = "the callback lacks iss, although the metadata promise it"
    WRONG_CALLBACK_ISS = "the callback's iss is another server's"
    NO_CALLBACK_STATE = "the callback lacks state"
    WRONG_CALLBACK_STATE = "the callback's state is another request's"
    NO_REFRESH_TOKEN = "the login brings no refresh token, although offline_access was granted"  # noqa: S105 - a name
    NO_ID_TOKEN = "the login brings no ID token, although openid was granted"  # noqa: S105 - a name
    NO_NONCE = "the ID token lacks the nonce"
    WRONG_NONCE = "the ID token's nonce is another request's"
    WRONG_AUDIENCE = "the ID token is for another client"
    WRONG_ISSUER = "the ID token is another server's"
    EXPIRED_ID_TOKEN = "the ID token expired an hour before it was issued"  # noqa: S105 - a name
    REVOCATION_STATUS_503 = "the revocation endpoint asks to come again (RFC 7009 section 2.2.1); nothing is revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came. `fields` may hold secrets of this world."""

    endpoint: Endpoint
    at: datetime
    fields: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class AuthorizationControls:
    """The knobs (plain attributes, read anew for each request) and the gauges. Safe to use from any thread.

    paths: where each endpoint stands; the metadata say so.
    absent: endpoints that are not there (404) and of which the metadata do not speak.
    faults: what goes wrong, until it is taken out again.
    metadata_changes: members of the metadata documents by name, to be replaced; None takes one out.
    public_url: the issuer, when clients reach this server by another address (a proxy that ends TLS, say).
    code_lifetime, device_code_lifetime: how long codes can be used.
    polling_interval: how often a device code may be polled for.
    redirect_uris: None allows every loopback address (RFC 8252 section 7.3); otherwise exactly these.
    offline_needs_consent: whether `offline_access` is left out of a browser's login that lacks `prompt=consent`, as
        OpenID Connect Core 1.0 section 11 has it.
    consents_at_once: whether the authorize page is skipped, as for a user who has allowed this client before.
    id_token_at_refresh: whether a refresh brings an ID token as well.
    """

    def __init__(self, clock: Clock, logins: LoginLedger, changed: threading.Condition) -> None:
        """`changed` guards the gauges and is notified when one of them moves."""
        self.paths = {endpoint: endpoint.value for endpoint in Endpoint}
        self.absent: set[Endpoint] = set()
        self.faults: set[LoginFault] = set()
        self.metadata_changes: dict[str, object] = {}
        self.public_url: str | None = None
        self.code_lifetime = timedelta(minutes=1)
        self.device_code_lifetime = timedelta(minutes=10)
        self.polling_interval = timedelta(seconds=5)
        self.redirect_uris: frozenset[str] | None = None
        self.offline_needs_consent = True
        self.consents_at_once = False
        self.id_token_at_refresh = False
        self.codes = CodeLedger(clock, logins)
        self.devices = DeviceLedger(clock, logins)
        self._clock = clock
        self._changed = changed
        self._asked: deque[Asked] = deque(maxlen=MOST_REQUESTS_KEPT)
        self._counts: Counter[Endpoint] = Counter()

    def endpoint_at(self, path: str) -> Endpoint | None:
        """What stands at this path."""
        for endpoint, place in self.paths.items():
            if place == path and endpoint not in self.absent:
                return endpoint
        return None

    def requests_at(self, endpoint: Endpoint) -> int:
        with self._changed:
            return self._counts[endpoint]

    def asked_at(self, endpoint: Endpoint) -> tuple[Asked, ...]:
        """The latest requests at an endpoint, oldest first, refused ones included where they could be read."""
        with self._changed:
            return tuple(each for each in self._asked if each.endpoint is endpoint)

    def record(self, endpoint: Endpoint, *, fields: Mapping[str, str], headers: Mapping[str, str]) -> None:
        with self._changed:
            self._counts[endpoint] += 1
            self._asked.append(Asked(endpoint=endpoint, at=self._clock.now(), fields=fields, headers=headers))
            self._changed.notify_all()

    @property
    def pending_devices(self) -> tuple[DeviceRequest, ...]:
        """The device codes that wait for their user, oldest first."""
        return self.devices.pending()

    def approve_device(self, user_code: str | None = None) -> None:
        """Allow what waits under this code, or else all that waits. Raises LookupError when nothing does."""
        self._decide(user_code, allow=True)

    def deny_device(self, user_code: str | None = None) -> None:
        """Deny what waits under this code, or else all that waits. Raises LookupError when nothing does."""
        self._decide(user_code, allow=False)

    def _decide(self, user_code: str | None, *, allow: bool) -> None:
        codes = [request.user_code for request in self.devices.pending()] if user_code is None else [user_code]
        decided = [self.devices.decide(code, allow=allow) for code in codes]
        if not any(decided):
            raise LookupError("No device code waits for its user.")

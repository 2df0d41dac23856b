"""The two programs that may ask for tokens: one without a secret, as everything that runs at its user's, and one with.

RFC 6749 section 2.3: the one with a secret proves itself by HTTP Basic or in the form, not by both.
"""

import base64
import hmac
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from adapters.sandbox.oauth_errors import OAuthError
from adapters.sandbox.world import CLIENT_ID, CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    client_id: str
    secret: str | None = field(default=None, repr=False)


CLIENTS = {
    client.client_id: client
    for client in (
        Client(client_id=CLIENT_ID),
        Client(client_id=CONFIDENTIAL_CLIENT_ID, secret=CONFIDENTIAL_CLIENT_SECRET),
    )
}


def authenticated_client(form: dict[str, str], authorization: str | None) -> Client:
    """Who sent `form`, with this Authorization header. Raises OAuthError: `invalid_client`, `invalid_request`."""
    if authorization is None:
        named, secret = form.get("client_id"), form.get("client_secret")
    else:
        if "client_secret" in form:
            raise OAuthError("invalid_request", "The client proves itself in two ways at once.")
        named, secret = _basic(authorization)
        if form.get("client_id", named) != named:
            raise OAuthError("invalid_request", "The parameter client_id is not that of the Authorization header.")
    if named is None:
        raise OAuthError("invalid_request", "The parameter client_id is missing.")
    client = CLIENTS.get(named)
    if client is None:
        raise OAuthError("invalid_client", "There is no such client.", status=401)
    if client.secret is None:
        if secret is not None:
            raise OAuthError("invalid_client", "This client is public: it has no secret.", status=401)
        return client
    if secret is None or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise OAuthError("invalid_client", "The client secret is missing or wrong.", status=401)
    return client


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", "The Authorization header is not of the Basic scheme.", status=401)
    try:
        named, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise OAuthError("invalid_client", "The Basic credentials cannot be read.", status=401) from None
    if not colon:
        raise OAuthError("invalid_client", "The Basic credentials have no colon.", status=401)
    return unquote_plus(named), unquote_plus(secret)

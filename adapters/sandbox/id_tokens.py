"""ID tokens (OpenID Connect Core 1.0 section 2), signed by RS256, which every provider must offer."""

from collections.abc import Collection
from datetime import datetime, timedelta

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.json_values import JsonObject, json_bytes
from adapters.sandbox.logins import Grant
from adapters.sandbox.signing_keys import base64url, signing_key
from adapters.sandbox.world import USER_NAME

LIFETIME = timedelta(hours=1)


def id_token(
    grant: Grant, *, issuer: str, audience: str, nonce: str | None, now: datetime, faults: Collection[LoginFault]
) -> str:
    """Who logged in. `nonce` is the authorization request's, to be told again (section 3.1.2.1)."""
    issued = now - 2 * LIFETIME if LoginFault.EXPIRED_ID_TOKEN in faults else now
    claims: JsonObject = {
        "iss": f"{issuer}/other" if LoginFault.WRONG_ISSUER in faults else issuer,
        "sub": grant.subject,
        "aud": "another-client" if LoginFault.WRONG_AUDIENCE in faults else audience,
        "iat": int(issued.timestamp()),
        "exp": int((issued + LIFETIME).timestamp()),
        "auth_time": int(grant.authenticated_at.timestamp()),
        "preferred_username": USER_NAME,
    }
    if LoginFault.WRONG_NONCE in faults:
        claims["nonce"] = "of-another-request"
    elif nonce is not None and LoginFault.NO_NONCE not in faults:
        claims["nonce"] = nonce
    key = signing_key()
    head = {"alg": "RS256", "typ": "JWT", "kid": key.key_id}
    signed = f"{base64url(json_bytes(head))}.{base64url(json_bytes(claims))}"
    return f"{signed}.{base64url(key.sign(signed.encode()))}"

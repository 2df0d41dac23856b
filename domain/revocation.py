"""Token revocation (RFC 7009)."""

from dataclasses import dataclass, field
from enum import Enum

from domain.http import HttpRequest, HttpResponse
from domain.oauth2 import TRY_LATER, OAuth2Client, client_request
from domain.server_metadata import json_object, shown, text_in
from domain.tokens import conceal
from domain.words import Text


class RevocationKind(Enum):
    """What has become of a token. REFUSED: the server will not. UNAVAILABLE: it may, later (section 2.2.1)."""

    REVOKED = "revoked"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """An answer of the revocation endpoint; `why` holds no token."""

    kind: RevocationKind
    why: Text = field(default=Text("", ""))


def revocation_request(client: OAuth2Client, endpoint: str, token: str, *, hint: str) -> HttpRequest:
    """Section 2.1; `hint` is `refresh_token` or `access_token`."""
    return client_request(client, endpoint, {"token": token, "token_type_hint": hint})


def read_revocation(response: HttpResponse, *, token: str) -> RevocationAnswer:
    """Section 2.2: 200 also for a token that was of no use any more."""
    if response.status == 200:  # noqa: PLR2004
        return RevocationAnswer(kind=RevocationKind.REVOKED)
    document = json_object(response.body) or {}
    said = ": ".join(part for part in (text_in(document, "error"), text_in(document, "error_description")) if part)
    why = Text(f"status {response.status}", f"状态码 {response.status}")
    if said:
        told = conceal(shown(said, 300), [token])
        why += Text(f" ({told})", f"（{told}）")
    later = response.status >= 500 or response.status in TRY_LATER  # noqa: PLR2004
    return RevocationAnswer(kind=RevocationKind.UNAVAILABLE if later else RevocationKind.REFUSED, why=why)

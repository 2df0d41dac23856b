"""What a login can be for."""

from adapters.sandbox.oauth_errors import OAuthError

# With it a login brings a refresh token (OpenID Connect Core 1.0 section 11).
OFFLINE_ACCESS = "offline_access"
SCOPES = frozenset({"openid", OFFLINE_ACCESS})


def read_scopes(scope: str) -> frozenset[str]:
    """RFC 6749 section 3.3. Raises OAuthError: `invalid_scope`."""
    scopes = frozenset(scope.split())
    if not scopes:
        raise OAuthError("invalid_scope", "The parameter scope is missing.")
    if not scopes <= SCOPES:
        raise OAuthError("invalid_scope", f"Supported scopes are: {' '.join(sorted(SCOPES))}.")
    return scopes

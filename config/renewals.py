"""Where a login is renewed. Apart from the container, since `oca status` is quick."""

from adapters.authorization.discovery_file import FileServerMemory
from config.settings import Settings


def renewal_endpoint(settings: Settings) -> str:
    """OAUTH_TOKEN_URL, else the token endpoint that `oca login` has learnt, else the address made from OAUTH_HOST."""
    if settings.oauth_token_url:
        return settings.oauth_token_url
    learnt = FileServerMemory(env_file=settings.env_file).recall(settings.authorization_server).token_endpoint
    return learnt or settings.token_endpoint

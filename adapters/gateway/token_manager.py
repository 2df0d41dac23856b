"""OCAOauth2TokenManager: the token flows as an object for one's own programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from domain.flows import access_token_flow
from domain.refreshing import Login

if TYPE_CHECKING:
    from config.settings import Settings


class OCAOauth2TokenManager:
    """Keeps the login in a `.env` file alive and hands out valid access tokens.

    Any number of these, in any number of threads, tasks and processes on one file, cause one token request at an
    expiry. Safe to share between threads and event loops.

        manager = OCAOauth2TokenManager()                 # the .env of the working directory
        headers = {"Authorization": f"Bearer {manager.get_access_token()}"}
    """

    def __init__(self, dotenv_path: str | Path = ".env", *, settings: "Settings | None" = None) -> None:
        """Read the settings of `dotenv_path` (the environment wins over them), or take `settings` as they are.

        Sends nothing. Raises ConfigurationError.
        """
        # The library's face is a composition root in miniature: its users have no container at hand.
        from config.container import build_container  # noqa: PLC0415
        from config.settings import Need, load_settings  # noqa: PLC0415

        chosen = load_settings(Need.LOGIN, env_file=dotenv_path) if settings is None else settings
        container = build_container(chosen)
        self._credential = container.credential()
        self._blocking = container.blocking_driver()
        self._asyncio = container.asyncio_driver()

    def get_access_token(self, *, rejected: str | None = None, wait_when_stale: bool = False) -> str:
        """A valid access token (RFC 6749 section 1.4), renewed first if it must be.

        `rejected` is a token that the upstream has just refused: another one is handed out. A token near its end is
        handed out while its successor is bought in the background; with `wait_when_stale` the successor is. Raises
        TokenError.
        """
        flow = access_token_flow(self._credential, rejected=rejected, wait_when_stale=wait_when_stale)
        return self._blocking.run(flow)

    async def aget_access_token(self, *, rejected: str | None = None, wait_when_stale: bool = False) -> str:
        """As `get_access_token`, without blocking the event loop."""
        flow = access_token_flow(self._credential, rejected=rejected, wait_when_stale=wait_when_stale)
        return await self._asyncio.run(flow)

    def __repr__(self) -> str:
        match self._credential:
            case Login():
                return f"{type(self).__name__}(token_endpoint={self._credential.client.token_endpoint!r})"
            case _:
                return f"{type(self).__name__}(LLM_API_KEY)"

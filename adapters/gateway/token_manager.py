"""OCAOauth2TokenManager: the token flows as an object for one's own programs."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

if TYPE_CHECKING:
    from adapters.gateway.background_catalog import BackgroundCatalog
    from config.settings import Settings
    from domain.effects import Flow
    from ports.gateway import AsyncChat, Chat


class OCAOauth2TokenManager:
    """Keeps the login in a `.env` file alive and hands out valid access tokens.

    Any number of these, in any number of threads, tasks and processes on one file, cause one token request at an
    expiry. Safe to share between threads and event loops. A deep copy is the same manager; a pickle names the file and
    holds no token, and what is made of it in another process shares the login through that file.

        manager = OCAOauth2TokenManager()                 # the .env of the working directory
        headers = {"Authorization": f"Bearer {manager.get_access_token()}"}
    """

    def __init__(
        self, dotenv_path: str | Path = ".env", *, settings: "Settings | None" = None, **overrides: object
    ) -> None:
        """Read the settings of `dotenv_path` (the environment wins over them), or take `settings` as they are.

        `overrides` win over both; they are named as the keys are, in lower case: `http_proxy_url`, `extra_ca_certs`,
        `connection_timeout` and so on. Sends nothing. Raises ConfigurationError; TypeError for what is no setting.
        """
        # The library's face is a composition root in miniature: its users have no container at hand. All is imported
        # here and not above, for the sake of programs that only import the chat model's name.
        from config.container import build_container  # noqa: PLC0415
        from config.settings import Need, load_settings, setting_keys  # noqa: PLC0415

        self._given = settings
        self._overrides = overrides
        known = setting_keys()
        unknown = [name for name in overrides if name.upper() not in known]
        if unknown or (overrides and settings is not None):
            raise TypeError(f"no setting for OCAOauth2TokenManager: {', '.join(unknown or overrides)}")
        self.settings = settings or load_settings(
            Need.LOGIN,
            env_file=dotenv_path,
            overrides={name.upper(): str(value) for name, value in overrides.items()},
        )
        self._container = build_container(self.settings)
        self._credential = self._container.credential()
        self._blocking = self._container.blocking_driver()
        self._asyncio = self._container.asyncio_driver()
        self.catalog: BackgroundCatalog = self._container.background_catalog()
        """The model list of LLM_MODELS_API_URL."""

    @classmethod
    def from_env(cls) -> Self:
        """The manager of the `.env` that OCA_ENV_FILE names, else of the working directory's."""
        from config.environment import default_env_file  # noqa: PLC0415

        return cls(default_env_file())

    @classmethod
    def from_key(cls, key: str) -> Self:
        """A manager that hands out a key which never changes, for an upstream without OAuth 2.0."""
        from config.environment import default_env_file  # noqa: PLC0415

        return cls(default_env_file(), llm_api_key=key)

    def get_access_token(
        self, *, rejected: str | None = None, wait_when_stale: bool = False, min_ttl: timedelta | None = None
    ) -> str:
        """A valid access token (RFC 6749 section 1.4), renewed first if it must be.

        `rejected` is a token that the upstream has just refused: another one is handed out. A token near its end is
        handed out while its successor is bought in the background; with `wait_when_stale` the successor is. One that
        lasts shorter than `min_ttl` is renewed first, if that is possible. Raises TokenError.
        """
        return self._blocking.run(self._token_flow(rejected, wait_when_stale=wait_when_stale, min_ttl=min_ttl))

    async def aget_access_token(
        self, *, rejected: str | None = None, wait_when_stale: bool = False, min_ttl: timedelta | None = None
    ) -> str:
        """As `get_access_token`, without blocking the event loop."""
        return await self._asyncio.run(self._token_flow(rejected, wait_when_stale=wait_when_stale, min_ttl=min_ttl))

    def chat(self, base_url: str) -> "Chat":
        """The model behind this login; `base_url` is LLM_API_URL, or an API's root as OpenAI's clients have it."""
        return self._container.blocking_chat_at(base_url)

    def async_chat(self, base_url: str) -> "AsyncChat":
        """As `chat`, for any number of event loops."""
        return self._container.asyncio_chat_at(base_url)

    @override
    def __repr__(self) -> str:
        told = "LLM_API_KEY" if self.settings.llm_api_key else f"token_endpoint={self.settings.token_endpoint!r}"
        return f"{type(self).__name__}({told})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        # Two lives of one rotating refresh token would end it; there is one manager, however often it is copied.
        return self

    def _token_flow(self, rejected: str | None, *, wait_when_stale: bool, min_ttl: timedelta | None) -> "Flow[str]":
        from domain.flows import access_token_flow  # noqa: PLC0415

        return access_token_flow(self._credential, rejected=rejected, wait_when_stale=wait_when_stale, min_ttl=min_ttl)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (type(self), str(self.settings.env_file), self._given, self._overrides)


def _revived(
    kind: type[OCAOauth2TokenManager], env_file: str, settings: "Settings | None", overrides: Mapping[str, object]
) -> OCAOauth2TokenManager:
    return kind(env_file, settings=settings, **overrides)

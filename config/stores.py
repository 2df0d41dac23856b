"""Where the login lives: the store that OAUTH_TOKEN_STORE names. Apart from the container, since `oca status` is quick.

Libraries of stores that are not chosen are not imported, nor need they be installed.
"""

from adapters.token_store.dotenv import DotenvTokenStore
from config.settings import Settings
from domain.errors import ConfigurationError
from domain.words import Text
from ports.token_store import TokenStore


def token_store(settings: Settings, *, seeded: bool = True) -> TokenStore:
    """The store for these settings; one that is not `seeded` only looks. Raises ConfigurationError."""
    seed = settings.seed_refresh_token
    seed_refresh_token = seed.get_secret_value() if seeded and seed is not None else None
    place = settings.oauth_token_store.get_secret_value()
    if place == "dotenv":
        return DotenvTokenStore(path=settings.env_file, seed_refresh_token=seed_refresh_token)
    keys = settings.oauth_store_key
    try:
        from adapters.token_store.sealed import seal_with  # noqa: PLC0415 - of an extra

        seal = seal_with(None if keys is None else keys.get_secret_value())
        if place == "keyring":
            from adapters.token_store.keyring import KeyringTokenStore  # noqa: PLC0415 - of an extra

            return KeyringTokenStore(
                # Its lock file stands beside .env, so that all who name the same file share it.
                folder=settings.env_file.parent,
                name=settings.oauth_login_name,
                seal=seal,
                seed_refresh_token=seed_refresh_token,
            )
        from adapters.token_store.redis import RedisTokenStore  # noqa: PLC0415 - of an extra

        return RedisTokenStore(
            url=place, name=settings.oauth_login_name, seal=seal, seed_refresh_token=seed_refresh_token
        )
    except ModuleNotFoundError as error:
        install = "bash deploy/uv.sh sync --inexact --extra redis --extra keyring --extra sealing"
        raise ConfigurationError(
            Text(
                f"OAUTH_TOKEN_STORE needs the package {error.name}, which is not installed. Install it with: {install}",
                f"OAUTH_TOKEN_STORE 需要软件包 {error.name}，但它尚未安装。请用此命令安装：{install}",
            )
        ) from error

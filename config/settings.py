"""Settings: what stands in the environment and in `.env`, typed.

The tokens are no settings: they live in the token store, and an OAUTH_REFRESH_TOKEN in the environment only seeds a
store that has none.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from config.environment import (
    ACCESS_TOKEN_KEY,
    REFRESH_TOKEN_KEY,
    env_file_of,
    read_env_file,
    this_environment,
)
from config.problems import malformed, missing, missing_inbound_keys, missing_login, no_env_file
from config.setting_types import (
    ExistingFile,
    Host,
    HttpUrl,
    Issuer,
    Listed,
    Ports,
    PositiveSeconds,
    Proxy,
    SecondsOrZero,
    ServerUrl,
    StorePlace,
    split,
)
from domain.errors import ConfigurationError, NotLoggedInError
from domain.http import is_loopback_host
from domain.words import Text

CONVERSATIONS = "conversations.sqlite3"


class Need(Enum):
    """What the settings are for: a login that is to come, to go or to be used, or the whole way to the model.

    A server may start before there is a login, and picks it up when it comes.
    """

    LOGGING_IN = "logging in"
    LOGGING_OUT = "logging out"
    LOGIN = "login"
    GATEWAY = "gateway"
    SERVER = "server"


_REQUIRED = {
    Need.LOGGING_IN: ("OAUTH_CLIENT_ID",),
    Need.LOGGING_OUT: (),
    Need.LOGIN: ("OAUTH_CLIENT_ID",),
    Need.GATEWAY: ("OAUTH_CLIENT_ID", "LLM_API_URL", "LLM_MODEL_NAME"),
    Need.SERVER: ("OAUTH_CLIENT_ID", "LLM_API_URL", "LLM_MODEL_NAME"),
}


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


class Settings(BaseModel):
    """Every setting, typed. Times are seconds in the file and `timedelta` through the properties."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    env_file: Path
    seed_refresh_token: SecretStr | None = None

    oauth_host: Host | None = None
    oauth_token_url: ServerUrl | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None
    oauth_client_auth: Literal["basic", "post"] = "basic"
    oauth_scope: str | None = None
    oauth_preset: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")] = "oidc"
    oauth_discovery_url: ServerUrl | None = None
    oauth_issuer: Issuer | None = None
    oauth_prompt: Annotated[str, Field(pattern=r"^[a-z_ ]+$")] | None = None
    oauth_authorize_url: ServerUrl | None = None
    oauth_device_url: ServerUrl | None = None
    oauth_device_response_type: str | None = None
    oauth_revocation_url: ServerUrl | None = None
    oauth_redirect_ports: Ports = ()
    oauth_redirect_path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$")] | None = None
    oauth_redirect_hosts: Annotated[tuple[Literal["127.0.0.1", "localhost"], ...], Listed] = ()
    oauth_login_timeout: PositiveSeconds = 300.0
    oauth_keep_alive_interval: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 86_400.0
    oauth_allow_unstorable: bool = False
    oauth_token_store: StorePlace = SecretStr("dotenv")
    oauth_store_key: SecretStr | None = None
    oauth_login_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "default"

    llm_api_key: SecretStr | None = None
    llm_api_url: HttpUrl | None = None
    llm_model_name: str | None = None
    llm_models_api_url: HttpUrl | None = None
    llm_system_prompt: str = "You are a helpful assistant."
    llm_temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    llm_request_timeout: PositiveSeconds = 120.0

    http_proxy_url: Proxy | None = None
    connection_timeout: PositiveSeconds = 2.0
    extra_ca_certs: Annotated[tuple[ExistingFile, ...], Listed] = ()
    ssl_cert_file: ExistingFile | None = None

    oca_host: str = "127.0.0.1"
    oca_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    oca_api_keys: Annotated[tuple[SecretStr, ...], Listed] = ()
    oca_allowed_origins: Annotated[tuple[str, ...], Listed] = ()
    oca_max_body_bytes: Annotated[int, Field(gt=0)] = 64 * 1024 * 1024
    oca_keep_alive_interval: SecondsOrZero = 15.0
    oca_shutdown_grace: SecondsOrZero = 10.0
    oca_fast_path: bool = True
    oca_data_dir: Path | None = None
    oca_lang: Literal["en", "zh"] | None = None

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"

    @property
    def token_endpoint(self) -> str:
        """OAUTH_TOKEN_URL, or the address made from OAUTH_HOST."""
        return self.oauth_token_url or f"https://{self.oauth_host}/oauth2/v1/token"

    @property
    def authorization_server(self) -> str:
        """The address of the authorization server, by which what is known of it is remembered."""
        if self.oauth_host or not self.oauth_token_url:
            return f"https://{self.oauth_host}"
        parts = urlsplit(self.oauth_token_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def request_timeout(self) -> timedelta:
        return _seconds(self.llm_request_timeout)

    @property
    def connect_timeout(self) -> timedelta:
        return _seconds(self.connection_timeout)

    @property
    def keep_alive_interval(self) -> timedelta:
        return _seconds(self.oca_keep_alive_interval)

    @property
    def login_timeout(self) -> timedelta:
        return _seconds(self.oauth_login_timeout)

    @property
    def idle_limit(self) -> timedelta | None:
        """After how long without use the login is renewed; None: never."""
        return timedelta(seconds=self.oauth_keep_alive_interval) if self.oauth_keep_alive_interval else None

    @property
    def conversations_file(self) -> Path:
        """Where the chat page keeps its conversations: in OCA_DATA_DIR, else where the system has a person's data."""
        if self.oca_data_dir is not None:
            return self.oca_data_dir.expanduser().absolute() / CONVERSATIONS
        from platformdirs import user_data_path  # noqa: PLC0415 - of the page's extra

        return user_data_path("oca-gateway", appauthor=False) / CONVERSATIONS

    @property
    def mend(self) -> Text:
        """How to log in again, as a sentence for the end of an error message."""
        in_env_file = self.oauth_token_store.get_secret_value() == "dotenv"
        at_start = Text("", "") if in_env_file else Text(" before the next start", "，下次启动时生效")
        return Text(
            f"Log in again with: oca login --env-file {self.env_file} (or put a new refresh token into "
            f"{REFRESH_TOKEN_KEY} there{at_start.en}). Running servers pick the login up without a restart.",
            f"请用此命令重新登录：oca login --env-file {self.env_file}（或把新的刷新令牌写入该文件的 "
            f"{REFRESH_TOKEN_KEY}{at_start.zh}）。运行中的服务器无需重启即可使用新的登录。",
        )

    @property
    def login_place(self) -> str:
        """Where the login lives, for people; without a password."""
        place = self.oauth_token_store.get_secret_value()
        if place == "dotenv":
            return str(self.env_file)
        if place == "keyring":
            return f"the operating system's keyring, as {self.oauth_login_name}"
        parts = urlsplit(place)
        port = f":{parts.port}" if parts.port else ""
        return f"Redis at {parts.hostname or parts.path}{port}, as {self.oauth_login_name}"


_FIELDS = {name.upper(): name for name in Settings.model_fields if name not in ("env_file", "seed_refresh_token")}


def setting_keys() -> frozenset[str]:
    """The keys of all settings."""
    return frozenset(_FIELDS)


def load_settings(
    need: Need = Need.GATEWAY,
    *,
    env_file: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings from `.env` and the environment.

    `env_file` defaults to OCA_ENV_FILE, then to `.env` in the working directory. `environ` stands in for the process's
    environment; `overrides` (key -> value) win over both, for command-line options. Raises ConfigurationError with one
    line for every value that is missing or wrong.
    """
    environment = this_environment() if environ is None else environ
    path = env_file_of(env_file, environment)
    in_file = read_env_file(path)
    values: dict[str, Any] = {"env_file": path}
    origins: dict[str, Text] = {}
    sources = (
        (Text(f"in {path}", f"{path} 中的"), in_file),
        (Text("in the environment", "环境变量"), environment),
        (Text("", ""), overrides or {}),
    )
    for origin, source in sources:
        for key, name in _FIELDS.items():
            value = (source.get(key) or "").strip()
            if value:
                values[name] = value.upper() if key == "LOG_LEVEL" else value
                origins[key] = origin
    seed = (environment.get(REFRESH_TOKEN_KEY) or "").strip()
    if not seed and values.get("oauth_token_store", "dotenv") != "dotenv":
        # The login lives elsewhere; the one in the file is what it begins with.
        seed = (in_file.get(REFRESH_TOKEN_KEY) or "").strip()
    if seed:
        values["seed_refresh_token"] = seed
    problems = _missing(need, values, in_file, path)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [malformed(dict(detail), values, origins) for detail in error.errors(include_url=False)]
        raise ConfigurationError(*problems) from error
    if problems:
        raise (NotLoggedInError if problems == [missing_login(path)] else ConfigurationError)(*problems)
    return settings


def _missing(need: Need, values: Mapping[str, Any], in_file: Mapping[str, str | None], path: Path) -> list[Text]:
    keys = [key for key in _REQUIRED[need] if _FIELDS[key] not in values]
    is_login = need in {Need.LOGGING_IN, Need.LOGGING_OUT}
    by_key = "llm_api_key" in values and not is_login
    if by_key:
        # A key that never changes takes the place of the login.
        keys = [key for key in keys if not key.startswith("OAUTH_")]
    elif need is not Need.LOGGING_OUT and "oauth_host" not in values and "oauth_token_url" not in values:
        keys.insert(0, "OAUTH_HOST")
    alternatives = {"OAUTH_HOST": "OAUTH_TOKEN_URL"}
    problems = [missing(key, path, in_file, alternative=alternatives.get(key, "")) for key in keys]
    if problems and not path.exists():
        problems.insert(0, no_env_file(path))
    kept_here = not is_login and values.get("oauth_token_store", "dotenv") == "dotenv"
    tokens = (in_file.get(REFRESH_TOKEN_KEY), in_file.get(ACCESS_TOKEN_KEY), values.get("seed_refresh_token"))
    can_wait = need is Need.SERVER and not problems
    if kept_here and not by_key and not any(tokens) and not can_wait:
        problems.append(missing_login(path))
    host = str(values.get("oca_host", "127.0.0.1"))
    if need in {Need.GATEWAY, Need.SERVER} and not is_loopback_host(host) and not split(values.get("oca_api_keys", "")):
        problems.append(missing_inbound_keys(host))
    return problems

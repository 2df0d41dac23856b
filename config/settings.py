"""Settings: what stands in the environment and in `.env`, typed.

The tokens are no settings: they live
in the token store, and an OAUTH_REFRESH_TOKEN in the environment only seeds a store that has none.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from config.environment import (
    ACCESS_TOKEN_KEY,
    REFRESH_TOKEN_KEY,
    env_file_of,
    read_env_file,
    this_environment,
)
from domain.errors import ConfigurationError
from domain.http import is_loopback_host

CONVERSATIONS = "conversations.sqlite3"
_SECRET_KEYS = {
    "HTTP_PROXY_URL",
    "LLM_API_KEY",
    "OAUTH_CLIENT_SECRET",
    "OAUTH_STORE_KEY",
    "OAUTH_TOKEN_STORE",
    "OCA_API_KEYS",
}


class Need(Enum):
    """What the settings are for: a login alone (`oca token`), or the whole way to the model."""

    LOGIN = "login"
    GATEWAY = "gateway"


_REQUIRED = {
    Need.LOGIN: ("OAUTH_CLIENT_ID",),
    Need.GATEWAY: ("OAUTH_CLIENT_ID", "LLM_API_URL", "LLM_MODEL_NAME"),
}


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that begins with https:// (or http://)")
    _ = parts.port
    return value


def _token_url(value: str) -> str:
    parts = urlsplit(_http_url(value))
    if parts.scheme == "http" and not is_loopback_host(parts.hostname or ""):
        raise ValueError("must begin with https:// (plain http is for a loopback address only: it carries the login)")
    return value


def _host(value: str) -> str:
    """A host, with or without port; people paste addresses, so a scheme and a trailing slash are forgiven."""
    bare = value.removeprefix("https://").rstrip("/")
    parts = urlsplit(f"https://{bare}")
    if not parts.hostname or parts.path or parts.query or "@" in bare or any(c.isspace() for c in bare):
        raise ValueError("must be a host name, for example idcs-1234.identity.example.com")
    _ = parts.port
    return bare


def _proxy(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    full = text if "://" in text else f"http://{text}"
    parts = urlsplit(full)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the address of an HTTP proxy, for example http://proxy.example.com:3128")
    _ = parts.port
    return SecretStr(full)


def _store(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text not in ("dotenv", "keyring") and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must be dotenv, keyring, or the address of a Redis: redis://host:6379/0 or rediss://...")
    return value


def _split(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _file(value: Path) -> Path:
    path = value.expanduser()
    if not path.is_file():
        raise ValueError(f"names a file that does not exist: {path}")
    return path


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Listed = BeforeValidator(_split)
# At most a day, so that no sum of times can overflow.
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Settings(BaseModel):
    """Every setting, typed. Times are seconds in the file and `timedelta` through the properties."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    env_file: Path
    seed_refresh_token: SecretStr | None = None

    oauth_host: Annotated[str, AfterValidator(_host)] | None = None
    oauth_token_url: Annotated[str, AfterValidator(_token_url)] | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None
    oauth_client_auth: Literal["basic", "post"] = "basic"
    oauth_scope: str | None = None
    oauth_keep_alive_interval: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 86_400.0
    oauth_allow_unstorable: bool = False
    oauth_token_store: Annotated[SecretStr, AfterValidator(_store)] = SecretStr("dotenv")
    oauth_store_key: SecretStr | None = None
    oauth_login_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "default"

    llm_api_key: SecretStr | None = None
    llm_api_url: HttpUrl | None = None
    llm_model_name: str | None = None
    llm_models_api_url: HttpUrl | None = None
    llm_system_prompt: str = "You are a helpful assistant."
    llm_temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    llm_request_timeout: PositiveSeconds = 120.0

    http_proxy_url: Annotated[SecretStr, AfterValidator(_proxy)] | None = None
    connection_timeout: PositiveSeconds = 2.0
    extra_ca_certs: Annotated[tuple[Annotated[Path, AfterValidator(_file)], ...], Listed] = ()
    ssl_cert_file: Annotated[Path, AfterValidator(_file)] | None = None

    oca_host: str = "127.0.0.1"
    oca_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    oca_api_keys: Annotated[tuple[SecretStr, ...], Listed] = ()
    oca_allowed_origins: Annotated[tuple[str, ...], Listed] = ()
    oca_max_body_bytes: Annotated[int, Field(gt=0)] = 64 * 1024 * 1024
    oca_keep_alive_interval: SecondsOrZero = 15.0
    oca_shutdown_grace: SecondsOrZero = 10.0
    oca_data_dir: Path | None = None
    oca_lang: Literal["en", "zh"] | None = None

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"

    @property
    def token_endpoint(self) -> str:
        """OAUTH_TOKEN_URL, or the address made from OAUTH_HOST."""
        return self.oauth_token_url or f"https://{self.oauth_host}/oauth2/v1/token"

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
    def mend(self) -> str:
        """How to log in again, as a sentence for the end of an error message."""
        picked_up = "it is picked up without a restart"
        if self.oauth_token_store.get_secret_value() != "dotenv":
            picked_up = "it takes the place of a dead login at the next start"
        return (
            f"Put a new refresh token into {REFRESH_TOKEN_KEY} in {self.env_file} ({picked_up}), "
            f"then check it with: oca token --env-file {self.env_file}"
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
    origins: dict[str, str] = {}
    for origin, source in ((f"in {path}", in_file), ("in the environment", environment), ("", overrides or {})):
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
        problems += [_line(dict(detail), values, origins) for detail in error.errors(include_url=False)]
        raise ConfigurationError(*problems) from error
    if problems:
        raise ConfigurationError(*problems)
    return settings


def _missing(need: Need, values: Mapping[str, Any], in_file: Mapping[str, str | None], path: Path) -> list[str]:
    state = "" if path.is_file() else ", which does not exist yet (copy .env.example)"
    where = f"set it in {path}{', which is a folder and must be a file' if path.is_dir() else state}"
    problems = [
        f"{key} is missing: {where} or in the environment." for key in _REQUIRED[need] if _FIELDS[key] not in values
    ]
    tokens = (in_file.get(REFRESH_TOKEN_KEY), in_file.get(ACCESS_TOKEN_KEY), values.get("seed_refresh_token"))
    if "llm_api_key" in values:
        # A key that never changes takes the place of the login.
        problems = [problem for problem in problems if not problem.startswith("OAUTH_")]
    else:
        if "oauth_host" not in values and "oauth_token_url" not in values:
            problems.insert(0, f"OAUTH_HOST is missing: {where} or in the environment (or set OAUTH_TOKEN_URL).")
        if not any(tokens) and values.get("oauth_token_store", "dotenv") == "dotenv":
            problems.append(f"{REFRESH_TOKEN_KEY} is missing: {where}; it is the login that the gateway keeps alive.")
    host = str(values.get("oca_host", "127.0.0.1"))
    if need is Need.GATEWAY and not is_loopback_host(host) and not _split(values.get("oca_api_keys", "")):
        problems.append(
            f"OCA_API_KEYS is missing: OCA_HOST is {host}, which other machines can reach, so callers must show a key; "
            "set one, or set OCA_HOST to 127.0.0.1."
        )
    return problems


def _line(detail: Mapping[str, Any], values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """One wrong value as one line: the key, where it stands, what is wrong, and the value unless it is a secret."""
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    key = name.upper()
    shown = "" if key in _SECRET_KEYS else f' (it is "{str(values.get(name))[:80]}")'
    return f"{key} {origins.get(key, '')}".strip() + f" {message.rstrip('.')}{shown}."

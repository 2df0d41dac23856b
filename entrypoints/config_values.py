"""The settings as `oca config` shows and takes them: what counts, where it comes from, and whether a value will do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from adapters.token_store.managed_keys import MANAGED_KEYS
from config.environment import env_file_of, read_env_file, this_environment
from config.preset_files import preset_of
from config.problems import SECRET_KEYS
from config.settings import Need, Settings, load_settings
from domain.errors import ConfigurationError
from domain.model_names import nearest_names
from domain.redaction import redact_text
from domain.tokens import fingerprint
from domain.words import Text

_DEFAULTS = {name.upper(): each.default for name, each in Settings.model_fields.items() if not each.is_required()}
_DEFAULTS.pop("SEED_REFRESH_TOKEN")
SETTING_KEYS = tuple(_DEFAULTS)
ALL_KEYS = (*SETTING_KEYS, *MANAGED_KEYS)
_SECRETS = SECRET_KEYS | {"OAUTH_REFRESH_TOKEN", "OAUTH_ACCESS_TOKEN"}
# Addresses, of which only the part in front of the host is a secret, or one of two words.
_ADDRESSES = frozenset({"HTTP_PROXY_URL", "OAUTH_TOKEN_STORE"})
# Seeds a store; the other managed keys are read in the file alone.
_ALSO_IN_ENVIRONMENT = frozenset({*SETTING_KEYS, "OAUTH_REFRESH_TOKEN"})


class Source(Enum):
    """Where the value that counts comes from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"
    UNSET = "unset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """One key as it counts. `value` is None when it is unset."""

    key: str
    value: str | None = field(repr=False)
    source: Source

    @property
    def is_secret(self) -> bool:
        return self.key in _SECRETS


def effective(env_file: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, Effective]:
    """All keys. Raises ConfigurationError when the file cannot be read."""
    environment = this_environment() if environ is None else environ
    in_file = read_env_file(env_file_of(env_file, environment))
    return {key: _effective(key, in_file, environment) for key in ALL_KEYS}


def _effective(key: str, in_file: Mapping[str, str | None], environment: Mapping[str, str]) -> Effective:
    outside = environment.get(key, "").strip() if key in _ALSO_IN_ENVIRONMENT else ""
    inside = (in_file.get(key) or "").strip()
    if outside and not (key in MANAGED_KEYS and inside):
        return Effective(key=key, value=outside, source=Source.ENVIRONMENT)
    if inside:
        return Effective(key=key, value=inside, source=Source.FILE)
    default = default_of(key)
    return Effective(key=key, value=default, source=Source.UNSET if default is None else Source.DEFAULT)


def default_of(key: str) -> str | None:
    """The default as it would be written in the file."""
    match _DEFAULTS.get(key):
        case None | ():
            return None
        case bool() as value:
            return str(value).lower()
        case float() as value:
            return f"{value:g}"
        case SecretStr() as value:
            return value.get_secret_value()
        case value:
            return str(value)


def masked(key: str, value: str) -> str:
    """The value as it can be shown to anybody: of a secret its fingerprint, of an address nothing of a password."""
    if key in _ADDRESSES:
        return _without_credentials(value)
    if key in _SECRETS and value:
        return f"sha256:{fingerprint(value)}"
    return redact_text(value)


def _without_credentials(address: str) -> str:
    scheme, mark, rest = address.rpartition("://")
    head, at, host = rest.rpartition("@")
    shown = f"***{at}{host}" if head or at else host
    path, question, _ = shown.partition("?")
    return f"{scheme}{mark}{path}{'?***' if question else ''}"


def problem_of_key(key: str) -> Text | None:
    """Why this key is not to be set here, if it is not."""
    if key == "OAUTH_REFRESH_TOKEN":
        return Text(
            "OAUTH_REFRESH_TOKEN is a login, and is saved by the token store: give it to oca login --with-token, on "
            "standard input.",
            "OAUTH_REFRESH_TOKEN 是登录本身，由令牌存储负责保存：请通过标准输入交给 oca login --with-token。",
        )
    if key in MANAGED_KEYS:
        return Text(
            f"{key} is managed by the program, which renews it. Log in with: oca login",
            f"{key} 由程序维护并自动更新。请用此命令登录：oca login",
        )
    if key in SETTING_KEYS:
        return None
    near = nearest_names(key, ALL_KEYS)
    unknown = Text(f"There is no setting {key}.", f"没有名为 {key} 的配置项。")
    if not near:
        return unknown + Text(" oca config get lists them all.", "oca config get 可列出全部配置项。")
    return unknown + Text(f" Did you mean {' or '.join(near)}?", f"您要的是不是 {' 或 '.join(near)}？")


def problems_of_value(key: str, value: str) -> tuple[Text, ...]:
    """What is wrong with a value, by the very rules by which the settings are read; an empty one is none."""
    if "\0" in value:
        return (Text(f"{key} holds a NUL.", f"{key} 含有 NUL 字符。"),)
    # Nothing else counts: another wrong line in the file is no reason to refuse the one that is being mended.
    alone = {"LLM_API_KEY": "in place of a login", key: value}
    try:
        settings = load_settings(Need.LOGIN, env_file=os.devnull, environ={}, overrides=alone)
        if key == "OAUTH_PRESET":
            preset_of(settings)
    except ConfigurationError as error:
        return tuple(problem for problem in error.problems if key in problem.en)
    return ()


def host_of(address: str) -> str:
    """The host of an address, with its port; empty where it is none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""

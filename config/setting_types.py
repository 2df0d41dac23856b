"""The types of single settings: what a value must look like, and how a wrong one is told."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.problems import MalformedSettingError
from domain.http import is_loopback_host


def _check_port(parts: SplitResult) -> None:
    try:
        _ = parts.port
    except ValueError:
        raise MalformedSettingError(
            "must have a port that is a number up to 65535", "的端口必须是不超过 65535 的数字"
        ) from None


def _names_a_host(address: str) -> bool:
    """Whether this is an http(s) address with a host that can be looked up; the libraries below raise for others."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    name = (parts.hostname or "").removesuffix(".")
    labels = all(0 < len(label) <= _LONGEST_LABEL for label in name.split("."))
    return parts.scheme in ("http", "https") and labels and _HOST.fullmatch(name) is not None


def http_url(value: str) -> str:
    if not value.lower().startswith(("https://", "http://")):
        raise MalformedSettingError(
            "must be an address that begins with https:// (or http://)", "必须是以 https://（或 http://）开头的地址"
        )
    if not _names_a_host(value) or any(character.isspace() for character in value):
        raise MalformedSettingError("must name a host, and hold no blanks", "必须含有正确的主机名，且不含空格")
    _check_port(urlsplit(value))
    return value


def token_url(value: str) -> str:
    parts = urlsplit(http_url(value))
    if parts.scheme == "http" and not is_loopback_host(parts.hostname or ""):
        raise MalformedSettingError(
            "must begin with https:// (plain http is for a loopback address only: it carries the login)",
            "必须以 https:// 开头（登录信息经此传输，明文 http 只能用于本机回环地址）",
        )
    return value


def host(value: str) -> str:
    """A host, with or without port; people paste addresses, so a scheme and a trailing slash are forgiven."""
    bare = value.removeprefix("https://").rstrip("/")
    if not _names_a_host(f"https://{bare}") or _AFTER_HOST & set(bare):
        raise MalformedSettingError(
            "must be a host name, for example idcs-1234.identity.example.com",
            "必须是主机名，例如 idcs-1234.identity.example.com",
        )
    _check_port(urlsplit(f"https://{bare}"))
    return bare


def proxy(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    full = text if "://" in text else f"http://{text}"
    if not _names_a_host(full):
        raise MalformedSettingError(
            "must be the address of an HTTP proxy, for example http://proxy.example.com:3128",
            "必须是 HTTP 代理服务器的地址，例如 http://proxy.example.com:3128",
        )
    _check_port(urlsplit(full))
    return SecretStr(full)


def store(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text not in ("dotenv", "keyring") and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise MalformedSettingError(
            "must be dotenv, keyring, or the address of a Redis: redis://host:6379/0 or rediss://...",
            "必须是 dotenv、keyring 或 Redis 的地址：redis://host:6379/0 或 rediss://...",
        )
    return value


def split(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def file(value: Path) -> Path:
    path = value.expanduser()
    if not path.is_file():
        raise MalformedSettingError(f"names a file that does not exist: {path}", f"指向的文件不存在：{path}")
    return path


def ports(value: object) -> object:
    """Ports and ranges of them, comma-separated, as they are to be tried; 0 is any free one."""
    if not isinstance(value, str):
        return value
    found: list[int] = []
    for item in value.replace(" ", "").split(","):
        range_of = _PORT_RANGE.fullmatch(item)
        if range_of is None:
            raise MalformedSettingError(*_PORTS_WANTED)
        found += range(int(range_of[1]), int(range_of[2] or range_of[1]) + 1)
    if not found or max(found) > 65_535:  # noqa: PLR2004 - the last port there is
        raise MalformedSettingError(*_PORTS_WANTED)
    return tuple(dict.fromkeys(found))


def issuer(value: str) -> str:
    """An address, or the word for that of the server, or for whatever its discovery document names."""
    return value if value in ("server", "document") else token_url(value)


# A name, in any script, or an IPv6 address.
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+(?:%[\w.-]+)?")
_LONGEST_LABEL = 63
_AFTER_HOST = frozenset("/?#@")
_PORT_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PORTS_WANTED = (
    "must be ports or ranges of them, for example 48801-48811 or 8400,8500 (0: any free port)",
    "必须是端口或端口范围，例如 48801-48811 或 8400,8500（0 表示任意空闲端口）",
)

HttpUrl = Annotated[str, AfterValidator(http_url)]
# Of the authorization server: what is sent there can be worth a login.
ServerUrl = Annotated[str, AfterValidator(token_url)]
Issuer = Annotated[str, AfterValidator(issuer)]
Host = Annotated[str, AfterValidator(host)]
Proxy = Annotated[SecretStr, AfterValidator(proxy)]
StorePlace = Annotated[SecretStr, AfterValidator(store)]
ExistingFile = Annotated[Path, AfterValidator(file)]
Ports = Annotated[tuple[int, ...], BeforeValidator(ports)]
Listed = BeforeValidator(split)
# At most a day, so that no sum of times can overflow.
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]

"""What is wrong with the settings, as lines for people: what is missing, what is empty, what is malformed."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config.environment import REFRESH_TOKEN_KEY
from domain.words import Text

SECRET_KEYS = frozenset(
    {
        "HTTP_PROXY_URL",
        "LLM_API_KEY",
        "OAUTH_CLIENT_SECRET",
        "OAUTH_STORE_KEY",
        "OAUTH_TOKEN_STORE",
        "OCA_API_KEYS",
    }
)

# pydantic's own checks, by the names of its error types; what it says in English is good.
_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "greater_than": "必须大于 {gt}",
        "greater_than_equal": "不得小于 {ge}",
        "less_than": "必须小于 {lt}",
        "less_than_equal": "不得大于 {le}",
        "finite_number": "必须是有限的数",
        "float_parsing": "必须是数字",
        "int_parsing": "必须是整数",
        "int_from_float": "必须是整数",
        "bool_parsing": "必须是 true 或 false",
        "literal_error": "必须是 {expected} 之一",
        "string_pattern_mismatch": "必须符合格式 {pattern}",
    }
)


class MalformedSettingError(ValueError):
    """A value that a setting cannot have; `text` goes on after the name of the key."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.text = Text(en, zh)


def no_env_file(path: Path) -> Text:
    return Text(
        f"There is no settings file {path}. Make one with: oca config init --env-file {path} "
        "(or copy .env.example there and fill it in).",
        f"设置文件 {path} 不存在。可用此命令创建：oca config init --env-file {path}"
        "（或把 .env.example 复制到该处并填写）。",
    )


def missing(key: str, path: Path, in_file: Mapping[str, str | None], *, alternative: str = "") -> Text:
    """The line for a key that has no value anywhere. `alternative` is a key that would do as well."""
    also = Text(f" (or set {alternative})", f"（或设置 {alternative}）") if alternative else Text("", "")
    if path.is_dir():
        return Text(
            f"{key} is missing: set it in {path}, which is a folder and must be a file, or in the environment"
            f"{also.en}.",
            f"缺少 {key}：请在 {path}（目前是文件夹，必须是文件）或环境变量中设置{also.zh}。",
        )
    if key in in_file:
        return Text(
            f"{key} is empty: give it a value in {path}, or in the environment{also.en}.",
            f"{key} 为空：请在 {path} 或环境变量中为其赋值{also.zh}。",
        )
    return Text(
        f"{key} is missing: set it in {path}, or in the environment{also.en}.",
        f"缺少 {key}：请在 {path} 或环境变量中设置{also.zh}。",
    )


def missing_login(path: Path) -> Text:
    return Text(
        f"{REFRESH_TOKEN_KEY} is missing: it is the login that the gateway keeps alive. Log in with: "
        f"oca login --env-file {path} (or set it there).",
        f"缺少 {REFRESH_TOKEN_KEY}：它是由网关保持有效的登录。请用此命令登录：oca login --env-file {path}"
        "（或在该文件中设置）。",
    )


def missing_inbound_keys(host: str) -> Text:
    return Text(
        f"OCA_API_KEYS is missing: OCA_HOST is {host}, which other machines can reach, so callers must show a key; "
        "set one, or set OCA_HOST to 127.0.0.1.",
        f"缺少 OCA_API_KEYS：OCA_HOST 为 {host}，其他机器可以访问，因此调用方必须出示密钥；"
        "请设置密钥，或把 OCA_HOST 设为 127.0.0.1。",
    )


def malformed(detail: Mapping[str, Any], values: Mapping[str, Any], origins: Mapping[str, Text]) -> Text:
    """One wrong value as one line: the key, where it stands, what is wrong, and the value unless it is a secret.

    `detail` is one of pydantic's errors, `origins` where each key's value comes from.
    """
    told = _told(detail)
    if not detail["loc"]:
        return told
    name = str(detail["loc"][0])
    key = name.upper()
    value = str(values.get(name))[:80]
    shown = Text("", "") if key in SECRET_KEYS else Text(f' (it is "{value}")', f"（当前为“{value}”）")
    origin = origins.get(key, Text("", ""))
    return Text(
        f"{key} {origin.en}".strip() + f" {told.en}{shown.en}.",
        f"{origin.zh} {key} ".lstrip() + f"{told.zh}{shown.zh}。",
    )


def _told(detail: Mapping[str, Any]) -> Text:
    context: Mapping[str, Any] = detail.get("ctx") or {}
    error = context.get("error")
    if isinstance(error, MalformedSettingError):
        return error.text
    en = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    zh = _CHECKS.get(str(detail["type"]))
    return Text(en, f"的值无效（{en}）" if zh is None else zh.format_map(context))

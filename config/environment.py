"""The process's environment and the text of `.env`: read here and nowhere else, without a library that is slow to load.

Where a key stands in both, the environment wins; an empty value counts as none.
"""

import locale
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from domain.errors import ConfigurationError
from domain.system_words import system_words
from domain.words import Language, Text

if TYPE_CHECKING:
    from config.settings import Settings

ENV_FILE_KEY = "OCA_ENV_FILE"
LANGUAGE_KEY = "OCA_LANG"
METRICS_KEY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's: it reads it when it is imported
REFRESH_TOKEN_KEY = "OAUTH_REFRESH_TOKEN"  # noqa: S105 - the name of a key
ACCESS_TOKEN_KEY = "OAUTH_ACCESS_TOKEN"  # noqa: S105 - the name of a key


def default_env_file(environ: Mapping[str, str] | None = None) -> Path:
    """The `.env` that OCA_ENV_FILE names, else that of the working directory; absolute."""
    environment = os.environ if environ is None else environ
    return Path(environment.get(ENV_FILE_KEY) or ".env").expanduser().absolute()


def env_file_of(env_file: Path | str | None, environ: Mapping[str, str] | None = None) -> Path:
    """The `.env` that is meant: this one, else the default; absolute."""
    return Path(env_file).expanduser().absolute() if env_file else default_env_file(environ)


def this_environment() -> Mapping[str, str]:
    """The process's environment, to read."""
    return os.environ


def nothing_configured(*, env_file: Path | str | None = None, environ: Mapping[str, str] | None = None) -> bool:
    """Whether not one key of an account is set anywhere: a newcomer, whom the sandbox serves."""
    environment = os.environ if environ is None else environ
    path = env_file_of(env_file, environment)
    keys = (
        "OAUTH_HOST",
        "OAUTH_TOKEN_URL",
        "OAUTH_CLIENT_ID",
        REFRESH_TOKEN_KEY,
        ACCESS_TOKEN_KEY,
        "LLM_API_KEY",
        "LLM_API_URL",
    )
    in_file = read_env_file(path)
    return not any((environment.get(key) or in_file.get(key) or "").strip() for key in keys)


def environment_for_sandbox(environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The environment without a trace of a real account: what says how to serve and to log, and nothing else."""
    environment = os.environ if environ is None else environ
    return {key: value for key, value in environment.items() if key.startswith(("OCA_", "LOG_"))}


def environment_for_workers(settings: "Settings", *, metrics: Path) -> None:
    """Hand the choice of `.env`, host and port on to worker processes, which read their settings themselves.

    `metrics` is the folder in which they tell each other what they have counted.
    """
    os.environ[METRICS_KEY] = str(metrics)
    os.environ[ENV_FILE_KEY] = str(settings.env_file)
    os.environ["OCA_HOST"] = settings.oca_host
    os.environ["OCA_PORT"] = str(settings.oca_port)


def shared_metrics(environ: Mapping[str, str] | None = None) -> Path | None:
    """The folder of `environment_for_workers`; None in a process that serves alone."""
    folder = (os.environ if environ is None else environ).get(METRICS_KEY)
    return Path(folder) if folder else None


def environment_for_page(env_file: Path | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that serves the page for this `.env`."""
    environment = dict(os.environ if environ is None else environ)
    if env_file is not None:
        environment[ENV_FILE_KEY] = str(env_file.expanduser().absolute())
    return environment


def environment_for_sandbox_page(env_file: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that serves the page for a sandbox: nothing of a real account in it."""
    environment = environment_for_page(env_file, environ)
    account = ("OAUTH_", "LLM_", "HTTP_PROXY_URL", "EXTRA_CA_CERTS", "CONNECTION_TIMEOUT")
    return {key: value for key, value in environment.items() if not key.startswith(account)}


def read_env_file(path: Path) -> Mapping[str, str | None]:
    """The keys of a `.env`; none where there is no file. Raises ConfigurationError when it cannot be read."""
    try:
        return dotenv_values(path, encoding="utf-8-sig") if path.is_file() else {}
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            Text(
                f"{path} cannot be read: it is not UTF-8 (at byte {error.start}). Save it as UTF-8.",
                f"无法读取 {path}：它不是 UTF-8 编码（第 {error.start} 字节）。请将其另存为 UTF-8。",
            )
        ) from error
    except OSError as error:
        why = system_words(error)
        raise ConfigurationError(
            Text(
                f"{path} cannot be read: {why.en.lower()}. Give this process the permission to read it.",
                f"无法读取 {path}：{why.zh}。请赋予本进程读取该文件的权限。",
            )
        ) from error


def no_color(environ: Mapping[str, str] | None = None) -> bool:
    """Whether colours are unwanted (https://no-color.org)."""
    environment = os.environ if environ is None else environ
    if sys.platform == "win32" and not environment.get("WT_SESSION"):  # pragma: no cover - its old console shows codes
        return True
    return bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"


def person_language(env_file: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Language:
    """The language of the person at this machine: OCA_LANG in the environment or in `.env`, else the locale's."""
    environment = os.environ if environ is None else environ
    try:
        in_file = read_env_file(env_file_of(env_file, environment)).get(LANGUAGE_KEY)
    except ConfigurationError:
        in_file = None
    # POSIX: the first of these that is set decides.
    wanted = [
        environment.get(LANGUAGE_KEY),
        in_file,
        *(environment.get(key) for key in ("LC_ALL", "LC_MESSAGES", "LANG")),
    ]
    if sys.platform in {"win32", "darwin"} and environ is None:  # pragma: no cover - not how these systems tell it
        wanted.append(locale.getlocale()[0])
    chosen = next((each for each in wanted if each), None)
    return Language.named(chosen) or (Language.CHINESE if (chosen or "").startswith("Chinese") else Language.ENGLISH)

"""The settings as far as there are any: what can be used is used, and what is wrong is told beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from adapters.checkup.env_file import look_at_file, look_at_values
from adapters.token_store.managed_keys import MANAGED_KEYS
from config.environment import (
    ACCESS_TOKEN_KEY,
    ENV_FILE_KEY,
    REFRESH_TOKEN_KEY,
    env_file_of,
    nothing_configured,
    read_env_file,
    this_environment,
)
from config.settings import Need, Settings, load_settings, setting_keys
from domain.checkup import Blame, Check, CheckName, CheckState, failed, passed
from domain.errors import ConfigurationError
from domain.words import Text

_INIT = Text(
    "Make one: oca config init (or copy .env.example), then: oca login. To try without an account: oca demo",
    "请创建：oca config init（或复制 .env.example），然后：oca login。无需账号即可试用：oca demo",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`settings` hold every value that is valid; `wrong` are the keys whose value is missing, malformed or a stand-in.

    `values` are what stands in the file and the environment, secrets included.
    """

    settings: Settings
    checks: tuple[Check, ...]
    wrong: frozenset[str]
    values: Mapping[str, str]


def read_settings(env_file: Path | None, environ: Mapping[str, str] | None = None) -> Reading:
    """Read `.env` and the environment. Never raises for what stands there."""
    environment = this_environment() if environ is None else environ
    path = env_file_of(env_file, environment)
    checks = [*_file_checks(path, environment)]
    readable = not any(check.state is CheckState.FAILED for check in checks)
    in_file: Mapping[str, str] = _in_file(path) if readable else {}
    values = {
        key: value
        for key in (*setting_keys(), REFRESH_TOKEN_KEY, ACCESS_TOKEN_KEY)
        if (value := (environment.get(key) or "").strip() or in_file.get(key) or "").strip()
    }
    wrong: set[str] = set()
    if readable:
        odd = [*look_at_values({key: values[key] for key in sorted(values)})]
        checks += odd
        wrong = {check.subject for check in odd if check.state is CheckState.FAILED}
        problems = [*_problems(path, environment, wrong)]
        checks += problems
        wrong |= {check.subject for check in problems}
        if not wrong:
            checks.append(passed(CheckName.SETTINGS, Text("all there and well-formed", "齐全且格式正确")))
    return Reading(
        settings=_usable(path, environment, {key: value for key, value in values.items() if key not in wrong}),
        checks=tuple(checks),
        wrong=frozenset(wrong),
        values=values,
    )


def _file_checks(path: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    if path.is_file():
        yield from look_at_file(path, known={*setting_keys(), *MANAGED_KEYS, ENV_FILE_KEY})
    elif path.is_dir():
        yield failed(
            CheckName.ENV_FILE,
            Text(f"{path} is a folder", f"{path} 是一个文件夹"),
            mend=Text("Name the file in it with --env-file.", "请用 --env-file 指定其中的文件。"),
            fault="folder",
            blame=Blame.CONFIGURATION,
        )
    elif nothing_configured(env_file=path, environ=environ):
        yield failed(
            CheckName.ENV_FILE,
            Text(f"there is no {path}, and nothing is configured", f"{path} 不存在，且没有任何配置"),
            mend=_INIT,
            fault="no_env_file",
            blame=Blame.CONFIGURATION,
        )
    else:
        yield passed(
            CheckName.ENV_FILE,
            Text(f"{path} does not exist yet; the environment has the settings", f"{path} 尚不存在；配置来自环境变量"),
        )


def _in_file(path: Path) -> Mapping[str, str]:
    return {key: value for key, value in read_env_file(path).items() if value is not None}


def _problems(path: Path, environ: Mapping[str, str], known_wrong: set[str]) -> Iterator[Check]:
    try:
        load_settings(Need.GATEWAY, env_file=path, environ=environ)
    except ConfigurationError as error:
        for problem in error.problems:
            key = problem.en.split(" ", 1)[0]
            # That there is no file, and no login, is told where these are looked at.
            if key in known_wrong or key not in setting_keys():
                continue
            yield failed(
                CheckName.SETTINGS,
                problem,
                subject=key,
                mend=Text(f"Set it: oca config set {key}=VALUE", f"请设置：oca config set {key}=VALUE"),
                fault=_fault(problem),
                blame=Blame.CONFIGURATION,
            )


def _fault(problem: Text) -> str:
    words = problem.en.partition(":")[0]
    return next((each for each in ("missing", "empty") if words.endswith(f" is {each}")), "malformed")


def _usable(path: Path, environ: Mapping[str, str], values: Mapping[str, str]) -> Settings:
    given: dict[str, object] = {key.lower(): value for key, value in values.items() if key in setting_keys()}
    given["env_file"] = path
    if "log_level" in given:
        given["log_level"] = str(given["log_level"]).upper()
    seed = environ.get(REFRESH_TOKEN_KEY, "").strip()
    if not seed and given.get("oauth_token_store", "dotenv") != "dotenv":
        seed = values.get(REFRESH_TOKEN_KEY, "")
    if seed:
        given["seed_refresh_token"] = seed
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        # Each of them has been told of by then.
        bad = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        return Settings.model_validate({key: value for key, value in given.items() if key not in bad})

"""What `oca config get` and `set` do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.token_store.settings_edit import edit_settings
from config.environment import env_file_of, read_env_file, this_environment
from domain.errors import ConfigurationError
from domain.words import Text
from entrypoints.config_values import (
    Effective,
    Source,
    effective,
    masked,
    problem_of_key,
    problems_of_value,
)
from entrypoints.console import Console
from entrypoints.env_template import new_env_text
from entrypoints.questions import NoAnswerError, Questions
from entrypoints.usage import NOBODY_TO_ASK, NOTHING_WRITTEN, UsageError

_SOURCES = {
    Source.ENVIRONMENT: Text("environment", "环境变量"),
    Source.FILE: Text("file", "文件"),
    Source.DEFAULT: Text("default", "默认值"),
    Source.UNSET: Text("unset", "未设置"),
}


def get(console: Console, keys: Sequence[str], *, env_file: Path | None, as_json: bool, show_secrets: bool) -> bool:
    """Show these settings, all of them for none; whether there is a value for one that was asked for alone.

    Raises ConfigurationError, UsageError.
    """
    known = effective(env_file)
    for key in keys:
        if key not in known:
            raise UsageError(problem_of_key(key) or Text(key, key))
    shown = [known[key] for key in keys or known]
    if as_json:
        console.document(
            {
                "env_file": str(env_file_of(env_file)),
                "settings": {each.key: _document(each, show_secrets=show_secrets) for each in shown},
            }
        )
    elif len(keys) == 1:
        if shown[0].value is not None:
            console.data(_shown(shown[0], show_secrets=show_secrets))
        console.say(Text(f"({_SOURCES[shown[0].source].en})", f"（{_SOURCES[shown[0].source].zh}）"))
    else:
        for each in shown:
            console.data(
                f"{each.key}={_shown(each, show_secrets=show_secrets)}  # {console.told(_SOURCES[each.source])}"
            )
    return len(keys) != 1 or shown[0].value is not None


def _shown(setting: Effective, *, show_secrets: bool) -> str:
    value = setting.value or ""
    return value if show_secrets else masked(setting.key, value)


def _document(setting: Effective, *, show_secrets: bool) -> Mapping[str, object]:
    return {
        "value": None if setting.value is None else _shown(setting, show_secrets=show_secrets),
        "source": setting.source.value,
        "secret": setting.is_secret,
    }


def wanted_values(words: Sequence[str], unset: Sequence[str]) -> dict[str, str]:
    """What `KEY=VALUE…` or `KEY VALUE`, and `--unset KEY`, ask for. Raises UsageError."""
    if len(words) == 2 and "=" not in words[0]:  # noqa: PLR2004 - a key and its value
        words = ["=".join(words)]
    pairs = [word.partition("=") for word in words]
    lone = [key for key, mark, _ in pairs if not mark]
    if lone:
        raise UsageError(
            Text(
                f"{lone[0]} has no value. Write KEY=VALUE, or KEY VALUE for one alone.",
                f"{lone[0]} 没有值。请写成 KEY=VALUE；只设置一项时也可以写 KEY VALUE。",
            )
        )
    if not words and not unset:
        raise UsageError(Text("There is nothing to set. Write KEY=VALUE.", "没有要设置的内容。请写成 KEY=VALUE。"))
    return {**{key.strip(): value.strip() for key, _, value in pairs}, **dict.fromkeys(unset, "")}


def check_values(values: Mapping[str, str]) -> None:
    """Raises UsageError for keys that there are not, ConfigurationError for values that will not do."""
    wrong_keys = [problem for key in values if (problem := problem_of_key(key)) is not None]
    if wrong_keys:
        raise UsageError(*wrong_keys)
    wrong = [problem for key, value in values.items() for problem in problems_of_value(key, value)]
    if wrong:
        raise ConfigurationError(*wrong, NOTHING_WRITTEN)


def set_values(console: Console, values: Mapping[str, str], *, env_file: Path | None, yes: bool) -> None:
    """Write these values, once they have been seen and agreed to.

    Raises ConfigurationError, UsageError, NoAnswerError.
    """
    check_values(values)
    path = env_file_of(env_file)
    changes = changes_to(path, values)
    if not changes:
        console.say(Text(f"{path} says so already; nothing was changed.", f"{path} 已是如此，未作更改。"))
    else:
        show_changes(console, path, changes)
        if not yes:
            if not console.interactive:
                raise UsageError(NOBODY_TO_ASK)
            if not Questions(console).yes(Text(f"Write {path}?", f"写入 {path}？"), default=True):
                raise NoAnswerError
        write_changes(console, path, changes)
    _tell_of_environment(console, values)


def changes_to(path: Path, values: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What would change in the file: of each key its value before and after. Raises ConfigurationError."""
    in_file = read_env_file(path)
    both = {key: ((in_file.get(key) or "").strip(), value) for key, value in values.items()}
    return {key: (old, new) for key, (old, new) in both.items() if old != new}


def show_changes(console: Console, path: Path, changes: Mapping[str, tuple[str, str]]) -> None:
    """The difference, on standard error; no secret in it."""
    console.say(Text(f"{path}:", f"{path}："))
    for key, (old, new) in changes.items():
        if old:
            console.say(f"- {key}={masked(key, old)}")
        console.say(f"+ {key}={masked(key, new)}")


def write_changes(console: Console, path: Path, changes: Mapping[str, tuple[str, str]]) -> None:
    """Write them, under the lock of the processes that keep their login there. Raises ConfigurationError."""
    values = {key: new for key, (_, new) in changes.items()}
    with console.working(Text(f"Waiting for the lock of {path} ...", f"正在等待 {path} 的锁……")):
        edit_settings(path, values, template=new_env_text)
    console.say(Text(f"Written: {path}.", f"已写入：{path}。"))


def _tell_of_environment(console: Console, values: Mapping[str, str]) -> None:
    environment = this_environment()
    for key in values:
        if environment.get(key, "").strip():
            console.say(
                Text(
                    f"{key} is also set in the environment, which wins.",
                    f"环境变量中也设置了 {key}，它优先于文件。",
                )
            )

"""`oca config init`: an account's settings, asked for one after the other, each answer tried before it is taken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.gateway.endpoints import Endpoints
from config.environment import env_file_of, nothing_configured, this_environment
from config.preset_files import preset_names
from config.settings import Need, load_settings
from config.stores import token_store
from domain.errors import ConfigurationError, TokenStoreError
from domain.model_names import nearest_names
from domain.tokens import RefreshPolicy, TokenState
from domain.words import Text
from entrypoints.config_checks import Checks, Finding
from entrypoints.config_editing import changes_to, check_values, show_changes, write_changes
from entrypoints.config_values import Source, default_of, effective, host_of, masked, problems_of_value
from entrypoints.console import Console
from entrypoints.questions import NoAnswerError, Questions, read_line

_MOST_MODELS = 20
_NONE = "-"
_KEEP = Text("Keep it anyway?", "仍然保留吗？")
_INTRODUCTION = Text(
    "Enter keeps what stands in brackets, - leaves a value empty, Ctrl-C ends without writing.",
    "按回车保留方括号中的值，输入 - 表示留空，按 Ctrl-C 退出且不写入任何内容。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question; `needed` says that an empty answer will not do."""

    key: str
    question: Text
    needed: bool = False


_PROXY = Step(
    key="HTTP_PROXY_URL",
    question=Text("HTTP proxy, where there is no direct way", "HTTP 代理（无法直连时使用）"),
)
_PRESET = Step(key="OAUTH_PRESET", question=Text("Kind of authorization server", "授权服务器的类型"))
_HOST = Step(key="OAUTH_HOST", question=Text("Host of the authorization server", "授权服务器的主机名"), needed=True)
_TOKEN_URL = Step(key="OAUTH_TOKEN_URL", question=Text("Address of the token endpoint", "令牌端点的地址"), needed=True)
_CLIENT_ID = Step(key="OAUTH_CLIENT_ID", question=Text("Client id", "客户端标识（client id）"), needed=True)
_API = Step(
    key="LLM_API_URL",
    question=Text("Address of the chat operation, or of the API (.../v1)", "对话接口的地址，或 API 的地址（…/v1）"),
    needed=True,
)
_MODELS = Step(key="LLM_MODELS_API_URL", question=Text("Address of the model list", "模型列表的地址"))
_MODEL = Step(
    key="LLM_MODEL_NAME", question=Text("Default model (a number or a name)", "默认模型（编号或名称）"), needed=True
)


class Wizard:
    """Gathers the answers. `given` ones are not asked for; with `questions` None nothing is.

    `values` is what counts so far, whatever it comes from.
    """

    def __init__(
        self,
        console: Console,
        *,
        env_file: Path,
        given: Mapping[str, str],
        questions: Questions | None,
        checks: Callable[[Mapping[str, str]], Checks] | None = Checks,
    ) -> None:
        self._console = console
        self._env_file = env_file
        self._given = given
        self._questions = questions
        self._checks = checks
        self._present = {
            each.key: each.value or ""
            for each in effective(env_file).values()
            if each.source in (Source.FILE, Source.ENVIRONMENT)
        }
        self.values = {**self._present, **given}
        self.answers = dict(given)

    def run(self) -> dict[str, str]:
        """The answers: a key and its value for every setting that was asked for or given.

        Raises ConfigurationError for what is needed and was not given, NoAnswerError.
        """
        if self._questions is not None:
            self._console.say(_INTRODUCTION)
        else:
            self._require()
        self._settle(_PROXY, lambda value: self._tests().proxy(value))
        self._settle(_PRESET, None, choices=preset_names())
        if self.values.get("LLM_API_KEY"):
            self._console.say(Text("LLM_API_KEY is set: no login is needed.", "已设置 LLM_API_KEY，不需要登录。"))
        else:
            if self.values.get("OAUTH_TOKEN_URL") and not self.values.get("OAUTH_HOST"):
                self._settle(_TOKEN_URL, lambda value: self._tests().token_endpoint(value))
            else:
                self._settle(_HOST, lambda value: self._tests().authorization_server(value))
            self._settle(_CLIENT_ID, None)
        self._settle(_API, lambda value: self._tests().api(value))
        models = self._models()
        self._settle(_MODEL, None if not models else lambda value: _known(value, models), choices=models)
        return self.answers

    def _require(self) -> None:
        login = () if self.values.get("LLM_API_KEY") else (_HOST, _CLIENT_ID)
        missing = [step.key for step in (*login, _API, _MODEL) if not self.values.get(step.key)]
        if self.values.get("OAUTH_TOKEN_URL") and "OAUTH_HOST" in missing:
            missing.remove("OAUTH_HOST")
        if missing:
            raise ConfigurationError(
                *(
                    Text(
                        f"{key} is missing, and nobody can be asked here: add --set {key}=VALUE.",
                        f"缺少 {key}，且此处无法询问：请加上 --set {key}=值。",
                    )
                    for key in missing
                )
            )

    def _settle(self, step: Step, test: Callable[[str], Finding] | None, *, choices: tuple[str, ...] = ()) -> None:
        """Have a value for this key that will do, or that the person keeps anyway."""
        asked = self._questions is not None and step.key not in self._given
        before = self.values.get(step.key, "")
        while True:
            value = self._ask(step, choices) if asked else self.values.get(step.key, "")
            if asked and self._refused(step, value):
                continue
            self.values[step.key] = value
            if not value or test is None or self._checks is None or self._passes(test(value)):
                break
            # What failed and is not kept is no default for the next answer.
            self.values[step.key] = before
            asked = self._questions is not None
        if asked or value != self._present.get(step.key, ""):
            self.answers[step.key] = value

    def _ask(self, step: Step, choices: tuple[str, ...]) -> str:
        questions = self._questions
        if questions is None:  # pragma: no cover - asked for only where there is somebody
            return ""
        present = self.values.get(step.key) or default_of(step.key) or ""
        for number, name in enumerate(choices[:_MOST_MODELS], start=1):
            self._console.say(f"  {number:>2}  {name}")
        if len(choices) > _MOST_MODELS:
            self._console.say(
                Text(f"  ... and {len(choices) - _MOST_MODELS} more", f"  …… 另有 {len(choices) - _MOST_MODELS} 个")
            )
        answer = questions.ask(step.question, default=present, shown=masked(step.key, present) if present else None)
        if answer == _NONE:
            return ""
        if answer.isdecimal() and 0 < int(answer) <= len(choices):
            return choices[int(answer) - 1]
        return answer

    def _refused(self, step: Step, value: str) -> bool:
        """Whether this is no answer at all; the person is told why."""
        if step.needed and not value:
            self._console.say(Text(f"{step.key} is needed.", f"{step.key} 不能为空。"))
            return True
        problems = problems_of_value(step.key, value)
        for problem in problems:
            self._console.say(problem)
        return bool(problems)

    def _passes(self, finding: Finding) -> bool:
        """Tell what was found; whether to go on with the value."""
        mark = Text("OK: ", "通过：") if finding.good else Text("FAILED: ", "失败：")
        self._console.say(mark + finding.words)
        if finding.mend is not None:
            self._console.say(finding.mend)
        return finding.good or self._questions is None or self._questions.yes(_KEEP, default=False)

    def _tests(self) -> Checks:
        if self._checks is None:  # pragma: no cover - asked for only where tests are wanted
            raise RuntimeError
        with self._console.working(Text("Testing ...", "正在测试……")):
            return self._checks(self.values)

    def _models(self) -> tuple[str, ...]:
        """What there is to choose from; the address of the list is asked for, with the usual one as the default."""
        if self._questions is not None and not self.values.get(_MODELS.key) and self.values.get(_API.key):
            self.values[_MODELS.key] = Endpoints(self.values[_API.key]).url("models")
        found: list[str] = []

        def test(value: str) -> Finding:
            finding = self._tests().models(value, token=self._token_for(value))
            found[:] = finding.models
            return finding

        self._settle(_MODELS, test)
        return tuple(found)

    def _token_for(self, models_url: str) -> str | None:
        """A token for the list, only where it goes to the host, and comes from the login, that it always did."""
        if host_of(models_url) not in {host_of(self._present.get(key, "")) for key in (_API.key, _MODELS.key)}:
            return None
        if self.values.get("LLM_API_KEY"):
            return (
                self.values["LLM_API_KEY"] if self.values["LLM_API_KEY"] == self._present.get("LLM_API_KEY") else None
            )
        try:
            settings = load_settings(Need.LOGIN, env_file=self._env_file)
            tokens = token_store(settings, seeded=False).load()
        except (ConfigurationError, TokenStoreError):
            return None
        from adapters.clock.system import SystemClock  # noqa: PLC0415 - for this alone

        fresh = tokens.state(SystemClock().now(), RefreshPolicy()) is not TokenState.EXPIRED
        # Not renewed here: that is for those who use it.
        return tokens.access_token if fresh else None


def _known(model: str, models: tuple[str, ...]) -> Finding:
    if model in models:
        return Finding(good=True, words=Text(f"{model} is on offer.", f"{model} 在列表中。"))
    near = nearest_names(model, models)
    mend = Text(f"Did you mean {' or '.join(near)}?", f"您要的是不是 {' 或 '.join(near)}？") if near else None
    return Finding(good=False, words=Text(f"There is no {model} in the list.", f"列表中没有 {model}。"), mend=mend)


def init(
    console: Console,
    *,
    env_file: Path | None,
    given: Mapping[str, str],
    yes: bool,
    tested: bool,
) -> Path:
    """Ask, show, write; the file.

    Raises ConfigurationError, UsageError, NoAnswerError.
    """
    check_values(given)
    path = env_file_of(env_file)
    questions = Questions(console) if console.interactive and not yes else None
    if nothing_configured(env_file=path):
        console.say(Text(f"This makes the settings file {path}.", f"将创建设置文件 {path}。"))
    wizard = Wizard(console, env_file=path, given=given, questions=questions, checks=Checks if tested else None)
    changes = changes_to(path, _to_be_written(wizard.run()))
    if not changes:
        console.say(Text(f"{path} says so already; nothing was changed.", f"{path} 已是如此，未作更改。"))
        return path
    show_changes(console, path, changes)
    if questions is not None and not questions.yes(Text(f"Write {path}?", f"写入 {path}？"), default=True):
        raise NoAnswerError
    write_changes(console, path, changes)
    return path


def _to_be_written(answers: Mapping[str, str]) -> dict[str, str]:
    """The answers without those that the environment gives already, in the very same words."""
    environment = this_environment()
    return {key: value for key, value in answers.items() if environment.get(key, "").strip() != value or not value}


def wants_login(console: Console, path: Path, read: Callable[[], str] = read_line) -> bool:
    """Whether there is no login yet, and the person would like one now; who would not is told how it is done."""
    try:
        settings = load_settings(Need.LOGIN, env_file=path)
        refresh_token = token_store(settings, seeded=False).load().refresh_token
    except (ConfigurationError, TokenStoreError):
        pass
    else:
        if settings.llm_api_key is not None or refresh_token is not None:
            return False
    if console.interactive:
        try:
            if Questions(console, read).yes(Text("Log in now?", "现在登录吗？"), default=True):
                return True
        except NoAnswerError:
            console.say()
    console.say(Text(f"To log in: oca login --env-file {path}", f"登录命令：oca login --env-file {path}"))
    return False

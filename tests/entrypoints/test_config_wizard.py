"""`oca config init`: what it asks, what it tries, and what it leaves alone."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from domain.words import Language
from entrypoints.cli import app
from entrypoints.config_checks import Checks
from entrypoints.config_values import ALL_KEYS
from entrypoints.config_wizard import Wizard
from entrypoints.console import Console
from entrypoints.questions import NoAnswerError, Questions
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import oca
from tests.entrypoints.test_config_checks import CLOSED, answering
from tests.fakes.wire_server import WireServer


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (*ALL_KEYS, "OCA_ENV_FILE"):
        monkeypatch.delenv(key, raising=False)


class Person:
    """Answers in turn."""

    def __init__(self, *answers: str) -> None:
        self._left = list(answers)

    def read(self) -> str:
        if not self._left:
            raise NoAnswerError
        return self._left.pop(0)

    @property
    def is_done(self) -> bool:
        return not self._left


def ask(
    path: Path, person: Person, checks: Callable[[Mapping[str, str]], Checks] | None = Checks, **given: str
) -> dict[str, str]:
    console = Console(Language.ENGLISH)
    return Wizard(console, env_file=path, given=given, questions=Questions(console, person.read), checks=checks).run()


def test_every_answer_is_tried_and_the_model_is_chosen_by_its_number(
    tmp_path: Path, world: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_env(tmp_path, world)
    path.write_text(re.sub("OAUTH_REFRESH_TOKEN=.*\n|LLM_.*\n", "", path.read_text()))
    with WireServer(answering(b'{"data": [{"id": "one"}, {"id": "two"}]}')) as server:
        person = Person("", "idcs", "", "me", world.chat_url, f"{server.url}/models", "2")
        answers = ask(path, person)
    assert answers == {
        "HTTP_PROXY_URL": "",
        "OAUTH_PRESET": "idcs",
        "OAUTH_TOKEN_URL": world.token_endpoint,
        "OAUTH_CLIENT_ID": "me",
        "LLM_API_URL": world.chat_url,
        "LLM_MODELS_API_URL": f"{server.url}/models",
        "LLM_MODEL_NAME": "two",
    }
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"OK: {world.chat_url} answers (status 401)" in captured.err
    assert "  2  two" in captured.err


def test_a_failed_test_is_told_with_its_mend_and_may_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = f"http://{CLOSED}/v1"
    person = Person(CLOSED, "n", "-", "", CLOSED, "y", "", "me", dead, "y", "-", "m")
    answers = ask(tmp_path / ".env", person)
    assert person.is_done
    assert (answers["HTTP_PROXY_URL"], answers["OAUTH_HOST"], answers["LLM_API_URL"]) == ("", CLOSED, dead)
    told = capsys.readouterr().err
    assert told.count("FAILED: ") == 3
    assert "leave it empty" in told
    assert "Nothing listens there" in told
    assert "OAUTH_CLIENT_ID is needed" in told


def test_an_answer_that_failed_and_was_not_kept_is_no_default(tmp_path: Path) -> None:
    dead = f"http://{CLOSED}/v1"
    # The empty answer is none after the proxy that was not kept, and is the one that stands in the file.
    person = Person(CLOSED, "n", "", "", CLOSED, "y", "me", dead, "n", "", "y", "-", "m")
    path = tmp_path / ".env"
    path.write_text(f"LLM_API_URL=http://{CLOSED}/v2\n")
    answers = ask(path, person)
    assert person.is_done
    assert (answers["HTTP_PROXY_URL"], answers["LLM_API_URL"]) == ("", f"http://{CLOSED}/v2")


def test_what_the_system_says_is_told_in_the_persons_language() -> None:
    finding = Checks({}).proxy(CLOSED)
    assert finding.words.en.endswith("does not answer: Connection refused.")
    assert finding.words.zh.endswith("没有响应：连接被拒绝。")


def test_a_model_that_is_not_in_the_list_is_asked_about_with_the_nearest_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with WireServer(answering(b'["sandbox-chat", "other"]')) as server:
        given = {
            "OAUTH_HOST": CLOSED,
            "OAUTH_CLIENT_ID": "me",
            "LLM_API_URL": server.url,
            "LLM_MODELS_API_URL": server.url,
        }
        # The host that was given does not answer.
        person = Person("", "", "y", "sandbox-chta", "n", "sandbox-chat")
        answers = ask(tmp_path / ".env", person, Checks, **given)
    assert answers["LLM_MODEL_NAME"] == "sandbox-chat"
    assert "Did you mean sandbox-chat?" in capsys.readouterr().err


def test_a_value_that_will_not_do_is_asked_for_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = Person("", "nonsense", "", "a b", "id.example", "me", "nonsense", "https://api.example/v1", "", "m")
    answers = ask(tmp_path / ".env", person, checks=None)
    assert (answers["OAUTH_PRESET"], answers["OAUTH_HOST"]) == ("oidc", "id.example")
    assert answers["LLM_MODELS_API_URL"] == "https://api.example/v1/models"
    told = capsys.readouterr().err
    assert "There is no preset nonsense" in told
    assert "LLM_API_URL must be an address" in told


def test_with_a_key_of_ones_own_nothing_is_asked_of_a_login(tmp_path: Path) -> None:
    person = Person("", "", "https://api.example/v1", "", "m")
    answers = ask(tmp_path / ".env", person, checks=None, LLM_API_KEY="planted")
    assert "OAUTH_HOST" not in answers
    assert person.is_done


@pytest.mark.parametrize("same", [True, False])
def test_a_token_is_shown_only_to_the_host_that_has_always_had_it(tmp_path: Path, world: Sandbox, same: bool) -> None:
    path = write_env(tmp_path, world)
    assert oca("token", "--env-file", str(path), cwd=tmp_path).returncode == 0
    token = dotenv_values(path)["OAUTH_ACCESS_TOKEN"]
    with WireServer(answering(b'["sandbox-chat"]')) as server:
        if same:
            path.write_text(path.read_text().replace(world.models_url, f"{server.url}/models"))
        ask(path, Person("", "", "", "", "", f"{server.url}/models", ""))
    assert server.requests[0].header("authorization") == (f"Bearer {token}" if same else None)


def init(path: Path, *words: str, **environ: str) -> Any:
    env: Mapping[str, str | None] = {key: None for key in ALL_KEYS if key in os.environ}
    return CliRunner().invoke(
        app, ["config", "init", "--env-file", str(path), *words], env={**env, "OCA_LANG": "en", **environ}
    )


def test_a_script_gives_the_answers_in_advance(tmp_path: Path, world: Sandbox) -> None:
    path = tmp_path / ".env"
    given = {
        "OAUTH_TOKEN_URL": world.token_endpoint,
        "OAUTH_CLIENT_ID": world.client_id,
        "LLM_API_URL": world.chat_url,
        "LLM_MODEL_NAME": "m",
    }
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    result = init(path, *words, "--yes", LLM_MODELS_API_URL=world.models_url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert {key: dotenv_values(path)[key] for key in given} == given
    # What the environment gives is not put down as well.
    assert dotenv_values(path)["LLM_MODELS_API_URL"] == ""
    assert f"oca login --env-file {path}" in result.stderr
    assert "nothing was changed" in init(path, "--yes", "--no-test").stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "--set KEY=VALUE"),
        (("--yes",), 3, "OAUTH_HOST is missing"),
        (("--yes", "--set", "OAUTH_HOSTS=x"), 2, "OAUTH_HOST"),
        (("--yes", "--set", "OCA_PORT=x"), 3, "OCA_PORT"),
        (("--yes", "--set", "LLM_API_KEY=x"), 3, "LLM_API_URL is missing"),
    ],
)
def test_what_is_missing_or_wrong_is_told_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    result = init(tmp_path / ".env", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert not (tmp_path / ".env").exists()

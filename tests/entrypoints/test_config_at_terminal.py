"""`oca config init` and what else asks, at a terminal: a person's answers, Ctrl-C, and the end of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from domain.words import Language
from entrypoints.config_wizard import wants_login
from entrypoints.console import Console
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.terminals import at_a_terminal
from tests.entrypoints.test_cli import CLEAN, OCA
from tests.entrypoints.test_config_wizard import Person
from tests.fakes.terminal import terminal


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_at_a_terminal_the_settings_are_asked_for_tried_shown_and_written(
    tmp_path: Path, world: Sandbox, language: str
) -> None:
    path = write_env(tmp_path, world)
    login = dotenv_values(path)["OAUTH_REFRESH_TOKEN"]
    before = path.read_text()
    path.write_text("# mine\n" + before.replace(world.default_model, "gone"))
    words = {
        "en": ["HTTP proxy", "Kind of", "token endpoint", "Client id", "chat operation", "model list", "Default model"],
        "zh": ["HTTP 代理", "类型", "令牌端点", "客户端标识", "对话接口", "模型列表", "默认模型"],
    }[language]
    env = {**CLEAN, "OCA_LANG": language, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with terminal([*OCA, "config", "init", "--env-file", str(path)], cwd=tmp_path, env=env) as shown:
        for question in words[:-1]:
            shown.wait_for(question)
            shown.type("\n")
        # The list wants a login that is not renewed here, so the name is taken as it is.
        shown.wait_for(words[-1])
        shown.type(f"{world.default_model}\n")
        shown.wait_for(re.escape(f"+ LLM_MODEL_NAME={world.default_model}"))
        shown.type("y\n")
        assert shown.wait_for_end() == 0
        assert login is not None
        assert login not in shown.text
    assert path.read_text() == "# mine\n" + before.replace(
        f"LLM_MODEL_NAME={world.default_model}\n", f"LLM_MODEL_NAME={world.default_model}\nOAUTH_PRESET=oidc\n"
    )


@pytest.mark.timeout(180)
def test_ctrl_c_ends_without_writing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    with terminal([*OCA, "config", "init", "--env-file", str(path)], cwd=tmp_path, env=CLEAN) as shown:
        shown.wait_for("HTTP proxy")
        shown.type("\x03")
        assert shown.wait_for_end() == 130
    # The shell's prompt begins a line.
    assert shown.text.endswith("\n")
    assert not path.exists()


@pytest.mark.timeout(180)
def test_an_end_of_the_input_ends_without_writing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    with terminal([*OCA, "config", "init", "--env-file", str(path)], cwd=tmp_path, env=CLEAN) as shown:
        shown.wait_for("HTTP proxy")
        shown.type("\x04")
        shown.wait_for("Nothing was written")
        assert shown.wait_for_end() == 1
    assert not path.exists()


@pytest.mark.timeout(180)
def test_who_has_no_login_yet_is_led_to_it(tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world)
    path.write_text(re.sub("OAUTH_REFRESH_TOKEN=.*\n", "", path.read_text()))
    command = [*OCA, "config", "init", "--no-test", "--env-file", str(path)]
    with terminal(command, cwd=tmp_path, env={**CLEAN, "OCA_LANG": "en"}) as shown:
        for question in ("proxy", "Kind", "token endpoint", "Client id", "chat operation", "model list", "Default"):
            shown.wait_for(question)
            shown.type("\n")
        shown.wait_for("Write .*")
        shown.type("\n")
        shown.wait_for("Log in now")
        shown.type("\n")
        # `oca login` has begun, and waits for the person.
        shown.wait_for(re.escape(world.url))
        shown.type("\x03")
        assert shown.wait_for_end() == 130
    assert dotenv_values(path)["OAUTH_PRESET"] == "oidc"


@pytest.mark.parametrize("answer", ["n", None])
def test_who_wants_no_login_now_is_told_how_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str | None
) -> None:
    at_a_terminal(monkeypatch)
    person = Person(*([] if answer is None else [answer]))
    path = tmp_path / ".env"
    assert not wants_login(Console(Language.ENGLISH), path, person.read)
    told = capsys.readouterr().err
    assert told.startswith("Log in now?")
    assert told.endswith(f"To log in: oca login --env-file {path}\n")
    assert "Nothing was written" not in told


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "words", [("config", "set", "OCA_PORT=9000"), ("connect", "opencode", "--model", "m", "--write")]
)
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_a_difference_is_written_only_when_it_is_agreed_to(
    tmp_path: Path, words: tuple[str, ...], answer: str, code: int
) -> None:
    path = tmp_path / ".env"
    path.write_text("OCA_HOST=localhost\n")
    env = {**CLEAN, "HOME": str(tmp_path), "OCA_LANG": "en"}
    with terminal([*OCA, *words, "--env-file", str(path)], cwd=tmp_path, env=env) as shown:
        shown.wait_for(r"Write .*\?")
        shown.type(f"what?\n{answer}\n")
        assert shown.wait_for_end() == code
        assert ("Nothing was written." in shown.text) == (answer == "n")
    written = "9000" in path.read_text() or (tmp_path / ".config/opencode/opencode.json").exists()
    assert written == (answer == "y")

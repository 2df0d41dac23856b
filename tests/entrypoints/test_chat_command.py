"""`oca chat` as a person or a script runs it: real processes, at a real terminal too."""

import json
import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.clock.system import SystemClock
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import CLEAN, OCA, oca
from tests.fakes.terminal import Terminal, terminal

WAIT = timedelta(seconds=20)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def piped(text: bytes, *arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*OCA, *arguments], cwd=cwd, env={**CLEAN, **environ}, input=text, capture_output=True, timeout=50, check=False
    )


def test_standard_input_goes_with_the_question_and_the_document_has_everything(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        command = ("chat", "explain", "--json", "-m", "sandbox-reasoner", "-s", "Be brief.")
        result = piped("\ufeffsome 文本\n".encode(), *command, cwd=tmp_path)
        (request,) = [each for each in world.controls.received if each.url.endswith("/chat/completions")]
    assert (result.returncode, result.stderr) == (0, b"")
    sent = json.loads(request.body)
    assert sent["model"] == "sandbox-reasoner"
    assert [each["content"] for each in sent["messages"]] == ["Be brief.", "explain\n\nsome 文本"]
    document = json.loads(result.stdout)
    assert document.keys() == {"answer", "reasoning", "model", "finish_reason", "usage", "id"}
    assert document["reasoning"]
    assert document["usage"]["total_tokens"] > 0


def test_a_pipe_that_stays_open_is_waited_for_and_that_is_said(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        command = [*OCA, "chat", "explain"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=CLEAN, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            assert b"Waiting for the end of standard input" in process.stderr.readline()
            answer, _ = process.communicate(b"late", timeout=50)
    assert process.returncode == 0
    assert "“explain late”" in answer.decode()


def test_a_dead_login_is_told_once_and_in_words(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        path = tmp_path / ".env"
        path.write_text(re.sub("(?m)^OAUTH_REFRESH_TOKEN=.*$", "OAUTH_REFRESH_TOKEN=dead", path.read_text()))
        result = oca("chat", "hi", cwd=tmp_path)
    assert result.returncode == 4
    (line,) = result.stderr.splitlines()
    assert line.startswith("The authorization server refused the refresh token")


def test_pictures_go_with_the_question(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        (tmp_path / "none.txt").write_text("text")
        refused = oca("chat", "hi", "--image", "none.txt", cwd=tmp_path)
        (tmp_path / "picture").write_bytes(PNG)
        oca("chat", "hi", "--image", "picture", "--image", "https://x.example/a.png", cwd=tmp_path)
        (request,) = [each for each in world.controls.received if each.url.endswith("/chat/completions")]
    assert refused.returncode == 2
    assert "none.txt is no picture" in " ".join(refused.stderr.split())
    parts = json.loads(request.body)["messages"][0]["content"]
    assert [each["type"] for each in parts] == ["text", "image_url", "image_url"]


@pytest.mark.parametrize("cut", ["cut", "truncate"])
def test_a_cut_stream_says_so_and_is_exit_code_6(tmp_path: Path, cut: str) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        result = oca("chat", f"/fail {cut}", cwd=tmp_path)
        assert result.returncode == 6
        assert result.stdout.endswith("\n")
        assert result.stderr
        assert "Traceback" not in result.stderr
        document = oca("chat", f"/fail {cut}", "--json", cwd=tmp_path)
        assert (document.returncode, document.stdout) == (6, "")


def test_an_error_comes_with_the_upstreams_words_and_its_request_id(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        result = oca("chat", "/fail 403", "--lang", "zh", cwd=tmp_path)
    assert result.returncode == 6
    assert "You asked for it: 403" in result.stderr
    assert "x-request-id" in result.stderr
    assert "上游" in result.stderr


def test_ctrl_c_ends_the_answer_with_130_and_hangs_up_on_the_upstream(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        with subprocess.Popen(
            [*OCA, "chat", "/slow 30"],
            cwd=tmp_path,
            env=CLEAN,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert world.controls.wait_until(lambda: world.controls.answers.open == 1, timeout=WAIT)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
            assert process.returncode == 130
            assert b"Traceback" not in said
            assert world.controls.wait_until(lambda: world.controls.answers.aborted == 1, timeout=WAIT)


@pytest.mark.parametrize(
    ("encoding", "answer"),
    [("gbk", "你说的是"), ("utf-8", "你说的是"), ("cp1252", "\\u4f60\\u8bf4"), ("ascii", "\\u4f60\\u8bf4")],
)
def test_an_answer_comes_out_in_every_encoding(tmp_path: Path, encoding: str, answer: str) -> None:
    result = piped("你好".encode(), "chat", cwd=tmp_path, PYTHONIOENCODING=encoding, OCA_LANG="zh")
    assert result.returncode == 0, result.stderr
    assert answer in result.stdout.decode(encoding)
    own = "没有配置账号" if encoding in ("gbk", "utf-8") else "No account is configured"
    assert own in result.stderr.decode(encoding)


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "cp1252", "ascii"])
def test_help_status_and_models_come_out_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    for command in ("--help", "chat --help", "status", "models"):
        result = piped(b"", *command.split(), cwd=tmp_path, PYTHONIOENCODING=encoding, OCA_LANG="zh")
        assert result.returncode in (0, 3)
        told = result.stdout.decode(encoding)
        assert not {"\\", "\x1b"} & set(told)
        if command.endswith("--help"):
            assert told.startswith("用法" if encoding in ("gbk", "utf-8") else "Usage")


@contextmanager
def at_terminal(*arguments: str, cwd: Path) -> Generator[Terminal, None, None]:
    environ = {**CLEAN, "OCA_DATA_DIR": str(cwd / "data")}
    with terminal([*OCA, *arguments], cwd=cwd, env=environ) as shown:
        yield shown


def test_an_error_and_ctrl_c_at_the_prompt_do_not_end_a_conversation(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        with at_terminal("chat", cwd=tmp_path) as shown:
            shown.wait_for_prompt()
            shown.type("/slow\r")
            # It is no command of ours; two slashes would send it.
            shown.wait_for("There is no command /slow")
            shown.wait_for_prompt()
            shown.type("//fail 400\r")
            shown.wait_for("You asked for it: 400")
            shown.wait_for_prompt()
            shown.type("typed in vain\x03\x03")
            shown.wait_for("Ctrl-D leaves")
            shown.type("Hello there\r")
            shown.wait_for("You said: “Hello there”")
            shown.wait_for_prompt()
            shown.type("\x04")
            assert shown.wait_for_end() == 0
        assert "Traceback" not in shown.text
    assert "Hello there" in (tmp_path / "data" / "chat-history").read_text()


def test_status_help_and_usage_at_a_real_terminal_are_drawn(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\n")
    with at_terminal("status", cwd=tmp_path) as shown:
        shown.wait_for("there is none, log in")
        assert shown.wait_for_end() == 4
    with at_terminal("--help", "--lang", "zh", cwd=tmp_path) as shown:
        shown.wait_for("─ 命令 ─")
        assert shown.wait_for_end() == 0
    with at_terminal("nonsense", cwd=tmp_path) as shown:
        shown.wait_for("No such command")
        assert shown.wait_for_end() == 2

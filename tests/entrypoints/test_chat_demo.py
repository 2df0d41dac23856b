"""The demonstration, `oca chat` and the example in the documents, as a person runs them: real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.clock.system import SystemClock
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import CLEAN, ROOT, oca


def python(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**CLEAN, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_demonstration_shows_three_answers_of_the_sandbox_where_no_account_is_configured(tmp_path: Path) -> None:
    shown = python("-m", "entrypoints.chat_demo", "hello there", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "sandbox" in shown.stderr
    assert [line for line in shown.stdout.splitlines() if line[:2] in ("1.", "2.", "3.")] == [
        "1. Streaming, as the words come",
        "2. One answer, whole",
        "3. Streaming in asyncio",
    ]
    assert shown.stdout.count("You said: “hello there”.") == 3
    assert "tokens in" in shown.stdout


def test_the_demonstration_and_single_questions_use_the_account_of_an_env_file(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as running:
        env_file = write_env(tmp_path, running)
        shown = oca("chat", "--demo", "--env-file", str(env_file), cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr
        assert shown.stderr == ""
        assert "You said: “Say hello in one sentence" in shown.stdout
        answer = oca("chat", "hi", "--env-file", str(env_file), cwd=tmp_path)
        assert answer.stdout.startswith("Hello from the OCA Gateway sandbox!"), answer.stderr
        refused = oca("chat", "/fail 400", "--env-file", str(env_file), cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (6, "")
        assert "You asked for it: 400" in refused.stderr


def test_a_question_may_come_on_standard_input_and_must_not_be_empty(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from entrypoints.cli import main; main()", "chat"],
        input="from a pipe\n",
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "You said: “from a pipe”." in answer.stdout
    empty = subprocess.run(
        [sys.executable, "-c", "from entrypoints.cli import main; main()", "chat"],
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert empty.returncode == 2


def test_wrong_settings_are_one_line_and_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST='as.example'\n")
    for command in (["-m", "entrypoints.chat_demo"], ["-c", "from entrypoints.cli import main; main()", "chat", "hi"]):
        failed = python(*command, cwd=tmp_path)
        assert failed.returncode == 3, failed.stderr
        assert "OAUTH_CLIENT_ID is missing" in failed.stderr
        assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("example", sorted((ROOT / "docs" / "examples").glob("*.py")), ids=lambda path: path.name)
def test_the_examples_run(example: Path, tmp_path: Path) -> None:
    with sandbox(SystemClock()) as running:
        shown = python(str(example), cwd=tmp_path, OCA_ENV_FILE=str(write_env(tmp_path, running)))
    assert shown.returncode == 0, shown.stderr
    assert '"Paris"' in shown.stdout
    assert "18 degrees and sunny in Paris" in shown.stdout
    assert "Weather(city='Paris', degrees=18)" in shown.stdout

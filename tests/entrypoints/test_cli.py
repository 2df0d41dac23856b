"""The commands as a person or a script runs them: real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from adapters.clock.system import SystemClock
from tests.entrypoints.stack import sandbox, write_env

ROOT = Path(__file__).parents[2]
OCA = [sys.executable, "-c", "from entrypoints.cli import main; main()"]
# Only what a process needs to start: nothing of the tester's own account.
KEPT = ("PATH", "HOME", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
CLEAN = {**{name: os.environ[name] for name in KEPT if name in os.environ}, "PYTHONPATH": str(ROOT)}


def oca(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*OCA, *arguments], cwd=cwd, env={**CLEAN, **environ}, capture_output=True, text=True, timeout=50, check=False
    )


class Server:
    """A running command that serves: its address, and what it has said so far on standard error."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""
        self._lines: list[str] = []
        self._spoken = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._spoken.wait(30), "the server did not start"
        assert self.url, self.screen

    @property
    def screen(self) -> str:
        return "".join(self._lines)

    def stop(self, with_signal: signal.Signals) -> int:
        self.process.send_signal(with_signal)
        code = self.process.wait(20)
        self._reader.join(5)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and not self.url:
                self.url = found.group()
                self._spoken.set()
        self._spoken.set()


@contextmanager
def serving(*command: str, cwd: Path, **environ: str) -> Generator[Server, None, None]:
    """Run a server, and kill it if the test has not stopped it."""
    with subprocess.Popen(command, cwd=cwd, env={**CLEAN, **environ}, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            if process.poll() is None:
                process.kill()


def test_help_and_version_are_there(tmp_path: Path) -> None:
    assert oca("--version", cwd=tmp_path).stdout == "0.1.0\n"
    told = oca("--help", cwd=tmp_path).stdout
    assert all(command in told for command in ("serve", "token", "demo"))


HEAVY = {
    *("fastapi", "starlette", "uvicorn", "httpx", "requests", "streamlit", "langchain_core", "dependency_injector"),
    *("prompt_toolkit", "structlog", "rich", "adapters.sandbox.server", "config.container"),
}


@pytest.mark.parametrize("command", ["--help", "status", "chat --help", "status --json"])
def test_what_a_person_asks_often_loads_nothing_heavy(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\nOAUTH_REFRESH_TOKEN=planted\n")
    code = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from entrypoints.cli import main
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code, *command.split()],
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY & set(result.stderr.split()) == set()


def test_the_help_loads_no_settings() -> None:
    code = "import sys, entrypoints.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], env=CLEAN, capture_output=True, text=True, check=True).stdout
    assert "pydantic" not in loaded.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("oca sta", {"status"}),
        ("oca --lang ", {"en", "zh"}),
        ("oca chat --mod", {"--model"}),
        ("oca demo --no", {"--no-page"}),
        ("oca connect op", {"openai", "opencode", "open-webui"}),
        ("oca config get OAUTH_ACC", {"OAUTH_ACCESS_TOKEN", "OAUTH_ACCESS_TOKEN_EXPIRES_AT"}),
        ("oca config set OCA_P", {"OCA_PORT"}),
        ("oca config set --unset LLM_MODEL_", {"LLM_MODEL_NAME"}),
        ("oca config init --set OCA_P", {"OCA_PORT="}),
    ],
)
def test_the_shell_completes_commands_options_and_values(tmp_path: Path, words: str, offered: set[str]) -> None:
    asked = {"_OCA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    script = [sys.executable, "-c", "import sys; sys.argv[0] = 'oca'; from entrypoints.cli import main; main()"]
    result = subprocess.run(
        script, cwd=tmp_path, env={**CLEAN, **asked}, capture_output=True, text=True, timeout=50, check=True
    )
    assert set(result.stdout.split()) == offered
    assert result.stderr == ""


def test_token_prints_a_token_and_nothing_else_and_processes_share_it(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        command = [*OCA, "token", "--env-file", str(path)]
        processes = [
            subprocess.Popen(command, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(6)
        ]
        outputs = [process.communicate(timeout=50) for process in processes]
        assert {process.returncode for process in processes} == {0}
        assert {error for _, error in outputs} == {""}
        (token,) = {output for output, _ in outputs}
        assert token.strip() == dotenv_values(path)["OAUTH_ACCESS_TOKEN"]
        assert (world.controls.tokens.grants, world.controls.tokens.reuses) == (1, 0)


def test_missing_settings_are_one_line_each_and_exit_code_3(tmp_path: Path) -> None:
    for command in ("serve", "token"):
        result = oca(command, cwd=tmp_path)
        assert result.returncode == 3
        lines = result.stderr.splitlines()
        assert lines[0].startswith("There is no settings file ")
        assert lines[1].startswith("OAUTH_HOST is missing: set it in ")
        assert all(" is missing: " in line for line in lines[1:])


def test_uvicorn_itself_says_the_same_and_exits_with_3(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "uvicorn", "entrypoints.api:app"],
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 3
    assert "OAUTH_HOST is missing" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_dead_login_is_exit_code_4_and_an_unreachable_server_5(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        world.controls.revoke_login()
        dead = oca("token", "--env-file", str(path), cwd=tmp_path)
        assert (dead.returncode, dead.stdout) == (4, "")
        assert "invalid_grant" in dead.stderr
    path = write_env(tmp_path, world)
    gone = oca("token", "--env-file", str(path), cwd=tmp_path)
    assert gone.returncode == 5
    assert "refused" in gone.stderr.lower()


def test_a_public_address_without_a_key_is_refused_in_one_line(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        result = oca("serve", "--host", "0.0.0.0", "--env-file", str(path), cwd=tmp_path)
    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith("OCA_API_KEYS is missing")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_wrong_ca_file_is_said_once_however_many_workers(tmp_path: Path, workers: str) -> None:
    with sandbox(SystemClock()) as world:
        (tmp_path / "ca.pem").write_text("nonsense")
        path = write_env(tmp_path, world, EXTRA_CA_CERTS=str(tmp_path / "ca.pem"))
        result = oca("serve", "--port", "0", "--workers", workers, "--env-file", str(path), cwd=tmp_path)
    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith("EXTRA_CA_CERTS: ")


def test_the_library_says_nothing_on_standard_output(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        code = f"from adapters.langchain import *; print(OCAOauth2TokenManager({str(path)!r}).get_access_token())"
        result = subprocess.run(
            [sys.executable, "-c", code], env=CLEAN, capture_output=True, text=True, timeout=50, check=True
        )
    assert (len(result.stdout.splitlines()), result.stderr) == (1, "")


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = oca("demo", "--port", str(port), cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Port {port} on 127.0.0.1 is already in use, by ")
    assert f"(pid {os.getpid()})" in result.stderr


def test_without_an_account_the_first_command_serves_the_sandbox_and_what_it_prints_works(tmp_path: Path) -> None:
    with serving(*OCA, "serve", "--demo-if-unconfigured", "--port", "0", cwd=tmp_path) as server:
        chat = {"messages": [{"role": "user", "content": "Hello!"}], "stream": True}
        with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            text = client.post("/v1/chat/completions", json=chat).text
        assert text.endswith("data: [DONE]\n\n")
        assert '"finish_reason":"stop"' in text
        assert server.stop(signal.SIGINT) == 0
    assert "SANDBOX" in server.screen
    assert f"curl -N {server.url}/v1/chat/completions" in server.screen
    assert f'base_url="{server.url}/v1"' in server.screen
    assert "Traceback" not in server.screen


def test_a_real_account_is_served_through_the_same_door(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        with serving(*OCA, "serve", "--demo-if-unconfigured", "--port", "0", cwd=tmp_path) as server:
            assert httpx.get(f"{server.url}/readyz", trust_env=False, timeout=30).json()["status"] == "ready"
            assert server.stop(signal.SIGTERM) == 0
        assert "SANDBOX" not in server.screen
        assert "Traceback" not in server.screen


def test_several_workers_share_one_login(tmp_path: Path) -> None:
    with sandbox(SystemClock(), lifetime=timedelta(seconds=2)) as world:
        path = write_env(tmp_path, world)
        command = [*OCA, "serve", "--port", "0", "--workers", "3", "--env-file", str(path)]
        chat = {"messages": [{"role": "user", "content": "Hello!"}]}
        with serving(*command, cwd=tmp_path) as server:
            statuses: set[int] = set()
            while world.controls.tokens.grants < 4:
                # A connection each, so that the kernel spreads them over the workers.
                answer = httpx.post(f"{server.url}/v1/chat/completions", json=chat, trust_env=False, timeout=30)
                statuses.add(answer.status_code)
            server.stop(signal.SIGTERM)
        assert statuses == {200}
        seen = world.controls.tokens
        assert (seen.reuses, seen.refusals, seen.most_in_flight) == (0, 0, 1)


@pytest.mark.parametrize("stops", [[signal.SIGTERM], [signal.SIGINT] * 3, [signal.SIGINT, signal.SIGTERM]])
def test_no_signal_in_the_middle_of_a_refresh_costs_the_login(tmp_path: Path, stops: list[signal.Signals]) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        world.controls.answer_delay = timedelta(seconds=0.7)
        command = [*OCA, "token", "--env-file", str(path)]
        process = subprocess.Popen(command, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert world.controls.wait_until(lambda: world.controls.tokens.in_flight == 1, timeout=timedelta(seconds=20))
        assert process.stderr is not None
        process.send_signal(stops[0])
        # It says that it waits; from then on it listens to no signal.
        assert "Waiting for the token endpoint" in process.stderr.readline()
        for stop in stops[1:]:
            process.send_signal(stop)
        process.communicate(timeout=20)
        world.controls.answer_delay = timedelta(0)
        again = oca("token", "--env-file", str(path), cwd=tmp_path)
        assert again.returncode == 0
        assert (world.controls.tokens.grants, world.controls.tokens.reuses) == (1, 0)

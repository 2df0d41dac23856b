"""`oca login` and `oca logout` as a person or a script runs them: real processes."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.world import Endpoint
from tests.entrypoints.login_scene import Scene, scene
from tests.entrypoints.test_cli import CLEAN, OCA, oca


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as one:
        yield one


def run(at: Scene, *arguments: str, standard_input: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*OCA, *arguments],
        cwd=at.env_file.parent,
        env={**CLEAN, **environ},
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def watched(at: Scene, react: Callable[[str], bool], *arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run a command and give each line that it says to `react`, until that has had enough: code, output, words."""
    with subprocess.Popen(
        [*OCA, *arguments],
        cwd=at.env_file.parent,
        env={**CLEAN, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watch = threading.Timer(50, process.kill)
        watch.start()
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stderr:
                said.append(line)
                if react(line):
                    break
            said.append(process.stderr.read())
            return process.wait(), process.stdout.read(), "".join(said)
        finally:
            watch.cancel()


def visiting(at: Scene, *, allow: bool = True) -> Callable[[str], bool]:
    def react(line: str) -> bool:
        if not line.startswith(at.sandbox.place_of(Endpoint.AUTHORIZE)):
            return False
        at.browser.log_in(line.strip(), allow=allow)
        return True

    return react


def test_by_the_browser_with_one_document_on_standard_output(at: Scene) -> None:
    code, output, said = watched(at, visiting(at), "login", "--no-browser", "--json")
    assert code == 0, said
    document = json.loads(output)
    assert document["who"] == {"sub": "sandbox-user-1", "name": "ada@sandbox.example", "email": None}
    assert (document["ok"], document["way"], document["server"]) == (True, "browser", at.sandbox.url)
    assert document["access_token_expires_at"].endswith("+00:00")
    assert "Logged in as ada@sandbox.example" in said
    token = at.values["OAUTH_REFRESH_TOKEN"]
    assert token
    assert token not in output + said
    assert oca("token", cwd=at.env_file.parent).stdout.strip() == at.values["OAUTH_ACCESS_TOKEN"]


def test_the_browser_that_the_person_named_is_opened(at: Scene, tmp_path: Path) -> None:
    opened, script = tmp_path / "opened", tmp_path / "my-browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    script.chmod(0o700)

    def react(line: str) -> bool:
        if not line.startswith("Waiting for the answer"):
            return False
        while not opened.exists():
            pass
        at.browser.log_in(opened.read_text().strip())
        return True

    code, _, said = watched(at, react, "login", BROWSER=str(script))
    assert code == 0, said


def test_by_device_in_chinese_without_a_display(at: Scene) -> None:
    def react(line: str) -> bool:
        if not line.startswith("正在等待"):
            return False
        at.controls.approve_device()
        return True

    code, _, said = watched(at, react, "login", "--lang", "zh", PYTHONIOENCODING="utf-8")
    assert code == 0, said
    assert "并输入代码" in said
    assert "已登录" in said


def test_by_pasting(at: Scene) -> None:
    with subprocess.Popen(
        [*OCA, "login", "--paste"],
        cwd=at.env_file.parent,
        env=CLEAN,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(at.sandbox.url):
                page = at.browser.press(at.browser.open(line.strip()))
                process.stdin.write(page.headers["location"] + "\n")
                process.stdin.close()
                break
        said = process.stderr.read()
        assert process.wait(40) == 0, said


def test_with_a_refresh_token_on_standard_input(at: Scene) -> None:
    done = run(at, "login", "--with-token", standard_input=at.sandbox.controls.issue_login() + "\n")
    assert (done.returncode, done.stdout) == (0, "")
    refused = run(at, "login", "--with-token", standard_input="made-up\n")
    assert refused.returncode == 1
    assert "invalid_grant" in refused.stderr
    assert "made-up" not in refused.stderr
    empty = run(at, "login", "--with-token")
    assert empty.returncode == 2
    assert "holds no refresh token" in empty.stderr


def test_ctrl_c_ends_the_wait_with_130_and_changes_nothing(at: Scene) -> None:
    before = at.env_file.read_bytes()
    with subprocess.Popen(
        [*OCA, "login", "--no-browser"], cwd=at.env_file.parent, env=CLEAN, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting"):
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(20) == 130
    assert "Traceback" not in said
    assert at.env_file.read_bytes() == before
    assert not (at.env_file.parent / ".env.discovery").exists()


def test_a_denial_is_exit_code_1_and_a_server_that_is_away_5(at: Scene) -> None:
    code, _, said = watched(at, visiting(at, allow=False), "login", "--no-browser")
    assert code == 1
    assert "declined" in said
    at.sandbox.stop()
    away = run(at, "login", "--device")
    assert away.returncode == 5
    assert "Traceback" not in away.stderr


def test_what_is_missing_is_named_with_exit_code_3_and_two_ways_at_once_with_2(at: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    missing = oca("login", cwd=folder)
    assert missing.returncode == 3
    assert "OAUTH_HOST" in missing.stderr
    assert "OAUTH_CLIENT_ID" in missing.stderr
    assert "oca config init" in missing.stderr
    both = run(at, "login", "--device", "--paste")
    assert both.returncode == 2
    assert "--device, --paste" in both.stderr
    unknown = run(at, "login", "--preset", "okta")
    assert unknown.returncode == 3
    assert "idcs, oidc" in unknown.stderr


def test_logout_clears_the_login_and_nothing_else_and_may_be_repeated(at: Scene) -> None:
    at.log_in()
    kept = [line for line in at.env_file.read_text().splitlines() if not line.startswith(("OAUTH_REF", "OAUTH_ACC"))]
    done = run(at, "logout")
    assert (done.returncode, done.stdout) == (0, "")
    assert not at.values["OAUTH_REFRESH_TOKEN"]
    assert not at.values["OAUTH_ACCESS_TOKEN"]
    assert [line for line in at.env_file.read_text().splitlines() if line in kept] == kept
    again = run(at, "logout", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["had_login"] is False
    assert run(at, "status").returncode == 4
    assert run(at, "token").returncode == 4


def test_logout_has_the_server_end_the_login(at: Scene) -> None:
    _, logged_in = at.log_in()
    done = run(at, "logout", "--revoke", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["revocation"] == "revoked"
    token = logged_in.tokens.access_token or ""
    assert not at.sandbox.controls.logins.accepts(token)
    refused = run(at, "login", "--with-token", standard_input=logged_in.tokens.refresh_token or "")
    assert refused.returncode == 1


def test_logout_keeps_a_login_that_could_not_be_revoked_yet(at: Scene) -> None:
    at.log_in()
    at.controls.faults.add(LoginFault.REVOCATION_STATUS_503)
    later = run(at, "logout", "--revoke")
    assert later.returncode == 5
    assert at.values["OAUTH_REFRESH_TOKEN"]
    at.controls.faults.clear()
    at.controls.absent.add(Endpoint.REVOCATION)
    (at.env_file.parent / ".env.discovery").unlink()
    never = run(at, "logout", "--revoke", "--json")
    assert never.returncode == 6
    assert json.loads(never.stdout)["ok"] is False
    assert not at.values["OAUTH_REFRESH_TOKEN"]


def test_logout_needs_no_settings_and_tells_of_a_token_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_REFRESH_TOKEN=rt\n")
    done = oca("logout", cwd=tmp_path, OAUTH_REFRESH_TOKEN="another")
    assert done.returncode == 0
    assert "unset it" in done.stderr
    assert (tmp_path / ".env").read_text().startswith("OAUTH_REFRESH_TOKEN=\n")


def test_a_kill_in_the_middle_leaves_the_older_login(at: Scene) -> None:
    at.log_in()
    before = at.env_file.read_bytes()
    with subprocess.Popen(
        [*OCA, "login", "--no-browser"], cwd=at.env_file.parent, env=CLEAN, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting"):
                break
        process.kill()
        with suppress(ProcessLookupError):
            process.wait(20)
    assert at.env_file.read_bytes() == before
    assert run(at, "token").returncode == 0

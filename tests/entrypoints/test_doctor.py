"""`oca doctor` as a person or a script runs it."""

import json
import os
import pty
import re
import secrets
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.clock.system import SystemClock
from adapters.sandbox.controls import TokenFault
from config.problems import SECRET_KEYS
from config.settings import setting_keys
from domain.checkup import TITLES, CheckName
from domain.words import Language
from entrypoints.checkup_run import check_up
from entrypoints.checkup_veil import Veil
from entrypoints.console import Console
from tests.entrypoints.doctor_scene import change, write
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import CLEAN, OCA, oca
from tests.entrypoints.test_status_command import planted
from tests.fakes.clock import FakeClock
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.upstream_server import UpstreamServer, error_body, replying, silence
from tests.fakes.wire_server import WireConnection, WireRequest

KEYS = {"id", "check", "subject", "state", "fault", "blame", "because", "finding", "mend", "details"}


def test_a_world_that_is_well_is_told_on_standard_output_in_ascii_signs(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        english = oca("doctor", cwd=tmp_path, HOME=str(tmp_path))
        chinese = oca("doctor", "--lang", "zh", cwd=tmp_path, LC_ALL="C.UTF-8")
        held = planted(path)
    assert (english.returncode, english.stderr) == (0, "")
    assert (chinese.returncode, chinese.stderr) == (0, "")
    assert "OK   Streaming: " in english.stdout
    assert "OK   流式输出：" in chinese.stdout
    assert "python 3." in english.stdout.splitlines()[0]
    assert "langchain-core" in english.stdout.splitlines()[0]
    assert f"LLM_API_URL: {world.url}" in english.stdout
    assert str(tmp_path) not in english.stdout
    assert "~/.env" in english.stdout
    assert "FAIL" not in english.stdout + chinese.stdout
    assert len(held) == 2
    assert not [token for token in held if token in english.stdout + chinese.stdout]
    assert "\x1b" not in english.stdout


def test_the_document_has_stable_keys(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        result = oca("doctor", "--json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert set(document) == {"surroundings", "hosts", "checks", "counts", "interrupted", "exit_code"}
    assert all(set(check) == KEYS for check in document["checks"])
    assert [check["id"] for check in document["checks"] if not check["subject"]] == [
        "env_file",
        "settings",
        "token_store",
        "certificates",
        "clock",
        "token_endpoint",
        "token",
        "models",
        "chat",
        "stream",
    ]
    assert (document["exit_code"], document["interrupted"], document["counts"]["failed"]) == (0, False, 0)


class TestTheExitCode:
    """It is that of the failure which is to be mended first."""

    def codes(self, path: Path, capsys: pytest.CaptureFixture[str]) -> list[int]:
        codes = [
            check_up(Console(language), path, as_json=as_json, offline=False, environ={})
            for language in Language
            for as_json in (False, True)
        ]
        capsys.readouterr()
        return codes

    def test_configuration(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.codes(tmp_path / ".env", capsys) == [3] * 4

    def test_login(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world)
            world.controls.revoke_login()
            assert self.codes(path, capsys) == [4] * 4

    def test_unreachable(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with UpstreamServer() as upstream:
            path = write(tmp_path, upstream.env_text())
        assert self.codes(path, capsys) == [5] * 4

    def test_upstream(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with UpstreamServer(replying(error_body("broken"), status=500)) as upstream:
            assert self.codes(write(tmp_path, upstream.env_text()), capsys) == [6] * 4

    def test_any_other(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with sandbox(FakeClock(SystemClock().now() + timedelta(hours=1))) as world:
            assert self.codes(write_env(tmp_path, world), capsys) == [1] * 4


def test_no_secret_shows_whatever_the_servers_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every server repeats all that it was sent, in its errors."""
    seen: list[str] = []

    def tell_tale(connection: WireConnection, request: WireRequest) -> None:
        told = json.dumps([request.target, *(value for _, value in request.headers), request.body.decode()])
        seen.append(told)
        connection.reply(error_body(told), status=400, headers=(("x-request-id", told), ("Server", told)))

    marks = {key: f"{key.lower().replace('_', '')}{secrets.token_hex(12)}" for key in SECRET_KEYS}
    del marks["OAUTH_TOKEN_STORE"]
    user, password, spare, query = (secrets.token_hex(8) for _ in range(4))
    with UpstreamServer(tell_tale) as upstream, ProxyServer() as proxy:
        values = {
            **{key: marks[key] for key in marks if key not in {"HTTP_PROXY_URL", "LLM_API_KEY"}},
            "OCA_API_KEYS": f"{marks['OCA_API_KEYS']},{spare}",
            "HTTP_PROXY_URL": f"http://{user}:{password}@{proxy.authority}",
            "OAUTH_TOKEN_URL": f"{upstream.url}/token",
            "OAUTH_CLIENT_ID": "me",
            "OAUTH_REFRESH_TOKEN": f"refresh{secrets.token_hex(12)}",
            "OAUTH_ACCESS_TOKEN": f"access{secrets.token_hex(12)}",
            "OAUTH_ACCESS_TOKEN_EXPIRES_AT": "2099-01-01T00:00:00+00:00",
            "LLM_API_URL": f"{upstream.api_url}?key={query}",
            "LLM_MODEL_NAME": "m",
            "LLM_MODELS_API_URL": f"{upstream.url}/v1/models",
        }
        text = "".join(f"{key}='{value}'\n" for key, value in values.items())
        told = ""
        for more in (
            "",
            f"LLM_API_KEY='{marks['LLM_API_KEY']}'\n",
            f"LLM_APY_KEY={spare}\nOAUTH_HOST='a b'\nLLM_API_URL='llm/v1?key={query}'\n",
        ):
            path = write(tmp_path, text + more)
            for as_json in (False, True):
                check_up(Console(Language.CHINESE), path, as_json=as_json, offline=False, environ={})
                told += capsys.readouterr().out
    assert any(values["OAUTH_ACCESS_TOKEN"] in each for each in seen)
    hidden = [
        *marks.values(),
        user,
        password,
        query,
        spare,
        values["OAUTH_REFRESH_TOKEN"],
        values["OAUTH_ACCESS_TOKEN"],
    ]
    assert [secret for secret in hidden if secret in told] == []
    assert proxy.authority in told


def test_the_tokens_that_a_check_up_buys_do_not_show(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        before = planted(path)
        result = oca("doctor", "--json", cwd=tmp_path)
        after = planted(path)
    assert set(before).isdisjoint(after)
    assert not [token for token in (*before, *after) if token in result.stdout + result.stderr]


def test_a_veil_hides_short_passwords_where_they_stand_alone(tmp_path: Path) -> None:
    veil = Veil({"HTTP_PROXY_URL": "user:pass@proxy:1", "OCA_API_KEYS": "abc,defg"}, home=tmp_path)
    assert veil.plain("user or password: pass") == "user or password: ***"
    assert veil.plain("the key defg of abcdefgh") == "the key *** of abcdefgh"
    assert veil.plain(f"{tmp_path}/.env\x1b[2J") == "~/.env [2J"
    assert veil.plain("Basic dXNlcjpwYXNz") == "Basic ***"


def test_on_a_terminal_there_are_signs_and_colours(tmp_path: Path) -> None:
    with UpstreamServer(replying(error_body("broken"), status=500)) as upstream:
        write(tmp_path, upstream.env_text())
        told = on_terminal(tmp_path, "doctor")
        plain = on_terminal(tmp_path, "doctor", NO_COLOR="1")
    assert "\x1b[32m✓\x1b[0m Settings" in told
    assert "\x1b[31m✗\x1b[0m One-token chat" in told
    assert "–" in told
    assert "✗ One-token chat" in plain
    assert "\x1b[3" not in plain


def on_terminal(folder: Path, *arguments: str, **environ: str) -> str:
    """What a terminal gets to see of a command."""
    ours, theirs = pty.openpty()
    environment = {**CLEAN, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environ}
    with subprocess.Popen(
        [*OCA, *arguments], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        told = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:
                break
            if not piece:
                break
            told += piece
        process.wait(30)
    os.close(ours)
    return told.decode()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_ctrl_c_tells_what_is_known_so_far(tmp_path: Path, options: tuple[str, ...]) -> None:
    with UpstreamServer(silence) as upstream:
        write(tmp_path, upstream.env_text())
        with subprocess.Popen(
            [*OCA, "doctor", *options],
            cwd=tmp_path,
            env=CLEAN,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            # The first look asks for the time, the second is the question.
            upstream.wait_for_requests(2)
            process.send_signal(signal.SIGINT)
            told, complaints = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in complaints
    if options:
        document = json.loads(told)
        assert document["interrupted"]
        assert document["checks"][-1]["id"] == "models"
    else:
        assert "interrupted" in told.splitlines()[-1]
        assert "OK   Access token" in told


def test_a_token_endpoint_that_fails_is_not_asked_for_a_renewal(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        world.controls.fail_next(TokenFault.STATUS_500)
        result = oca("doctor", "--json", cwd=tmp_path)
        assert result.returncode == 6
        assert world.controls.tokens.requests == 1
        assert change(path).read_text()


def test_every_check_has_a_title_in_both_languages() -> None:
    assert set(TITLES) == set(CheckName)
    assert all(re.search("[\u4e00-\u9fff]|TLS|CA", title.zh) for title in TITLES.values())


def test_secrets_are_those_of_the_settings() -> None:
    assert setting_keys() >= SECRET_KEYS

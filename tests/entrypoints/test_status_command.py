"""`oca status` as a person or a script runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values, set_key

from adapters.clock.system import SystemClock
from adapters.sandbox.controls import TokenFault
from adapters.token_journal.history import FileTokenHistory
from adapters.token_store.dotenv import DotenvTokenStore
from domain.tokens import fingerprint
from entrypoints.status import gather
from entrypoints.status_report import AccessTokenState, LoginState
from tests.entrypoints.stack import Stack, sandbox, write_env
from tests.entrypoints.test_cli import CLEAN, oca


def planted(path: Path) -> list[str]:
    values = dotenv_values(path)
    return [values[key] or "" for key in ("OAUTH_REFRESH_TOKEN", "OAUTH_ACCESS_TOKEN") if values.get(key)]


def test_the_command_tells_the_life_of_a_login_and_no_token(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        secrets = planted(path)
        requests = world.controls.tokens.requests
        before = oca("status", "--json", cwd=tmp_path)
        assert (before.returncode, before.stderr) == (0, "")
        assert json.loads(before.stdout)["access_token"]["state"] == "none"

        assert oca("token", cwd=tmp_path).returncode == 0
        secrets += planted(path)
        fine = oca("status", cwd=tmp_path)
        assert (fine.returncode, fine.stderr) == (0, "")
        assert "refreshed" in fine.stdout

        set_key(path, "OAUTH_ACCESS_TOKEN_EXPIRES_AT", "2020-01-01T00:00:00+00:00")
        world.controls.fail_next(*[TokenFault.STATUS_500] * 3)
        assert oca("token", cwd=tmp_path).returncode == 5
        failing = json.loads(oca("status", "--json", cwd=tmp_path).stdout)
        assert (failing["login"], failing["failure"]["attempts"]) == ("failing", 2)

        world.controls.revoke_login()
        assert oca("token", cwd=tmp_path).returncode == 4
        assert world.controls.tokens.requests > requests
        requests = world.controls.tokens.requests
        dead, dead_document = oca("status", cwd=tmp_path), oca("status", "--json", cwd=tmp_path)
        assert (dead.returncode, dead_document.returncode) == (4, 4)
        assert "dead: the server has refused it" in dead.stdout
        found = json.loads(dead_document.stdout)
        assert [event["kind"] for event in found["events"]] == ["refreshed", "failed", "failed", "dead"]
        # Looking asks nobody.
        assert world.controls.tokens.requests == requests
    told = "".join(each.stdout + each.stderr for each in (before, fine, dead, dead_document))
    told += (tmp_path / ".env.history").read_text()
    assert len(secrets) == 3
    assert not [secret for secret in secrets if secret in told]
    assert "\x1b" not in told


def test_looking_does_not_change_the_file(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        before = path.read_bytes(), path.stat().st_mtime_ns
        assert oca("status", cwd=tmp_path, OAUTH_REFRESH_TOKEN="planted-seed").returncode == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {each.name for each in tmp_path.iterdir()} <= {".env", ".env.lock"}


def test_a_seed_in_the_environment_counts_as_a_login_and_is_not_stored_by_looking(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\n")
    result = oca("status", "--json", cwd=tmp_path, OAUTH_REFRESH_TOKEN="planted-seed")
    assert (result.returncode, json.loads(result.stdout)["refresh_token_fingerprint"]) == (
        0,
        fingerprint("planted-seed"),
    )
    assert "planted-seed" not in result.stdout + path.read_text()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_login_that_is_missing_is_exit_code_4(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\n")
    result = oca("status", *options, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (4, "")
    assert "There is no login." in result.stdout


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_half_filled_file_is_told_as_far_as_it_goes_and_is_exit_code_3(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=id.example\nOAUTH_REFRESH_TOKEN=planted-refresh\n")
    result = oca("status", *options, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (3, "")
    assert "OAUTH_CLIENT_ID is missing" in result.stdout
    assert "https://id.example/oauth2/v1/token" in result.stdout
    assert "planted" not in result.stdout


def test_a_malformed_value_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=a b\nOAUTH_CLIENT_ID=me\n")
    result = oca("status", "--json", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (3, "")
    assert "OAUTH_HOST" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_api_key_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_API_KEY=planted-key\n")
    for options in ((), ("--json",)):
        result = oca("status", *options, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")
        assert "planted" not in result.stdout


def test_what_a_running_server_does_to_the_login_is_seen_from_outside(running: Stack) -> None:
    path: Path = running.container.settings().env_file
    with running.client() as client:
        assert client.get("/readyz").status_code == 200
        # The list that the server fetches at its start needs a token as well; nothing is under way after it.
        assert client.get("/v1/models").status_code == 200
        spent = dotenv_values(path)["OAUTH_REFRESH_TOKEN"]
        running.expire()
        assert client.get("/readyz").status_code == 200
    seen = gather(
        running.container.settings(),
        store=DotenvTokenStore(path=path),
        history=FileTokenHistory(env_file=path, clock=running.clock),
        now=running.clock.now(),
    )
    assert (seen.login, seen.access_token, seen.troubles) == (LoginState.FINE, AccessTokenState.FRESH, ())
    assert seen.last_refresh is not None
    assert (seen.last_refresh.at, seen.last_refresh.event.rotated) == (running.clock.now(), True)
    assert seen.last_refresh.event.refresh_token_fingerprint == fingerprint(spent or "")


def test_looking_loads_no_server_and_no_client() -> None:
    code = "import sys, entrypoints.status, entrypoints.status_screen, entrypoints.status_document; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=CLEAN, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"fastapi", "starlette", "uvicorn", "httpx", "requests", "streamlit", "langchain_core"}
    assert heavy & set(loaded) == set()

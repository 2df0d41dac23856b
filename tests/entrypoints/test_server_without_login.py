"""A server whose settings are there and whose login is not: it runs, says so, and takes the login when it comes."""

import signal
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from adapters.clock.system import SystemClock
from config.settings import Need, load_settings
from domain.errors import ConfigurationError, NotLoggedInError
from tests.entrypoints.doctor_scene import change
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import OCA, oca, serving

CHAT = {"messages": [{"role": "user", "content": "Hello!"}]}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_runs_and_takes_the_login_when_it_comes(tmp_path: Path, workers: str) -> None:
    with sandbox(SystemClock(), lifetime=timedelta(hours=1)) as world:
        path = change(write_env(tmp_path, world), OAUTH_REFRESH_TOKEN=None, OAUTH_ACCESS_TOKEN=None)
        command = (*OCA, "serve", "--port", "0", "--workers", workers, "--env-file", str(path))
        with (
            serving(*command, cwd=tmp_path) as server,
            httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client,
        ):
            refused = client.post("/v1/chat/completions", json=CHAT)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "login_required")
            assert f"oca login --env-file {path}" in refused.json()["error"]["message"]
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200
            change(path, OAUTH_REFRESH_TOKEN=world.controls.issue_login())
            assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
            assert client.get("/readyz").status_code == 200
            assert server.stop(signal.SIGTERM) == 0
        assert f"none yet: callers get status 503 until somebody logs in: oca login --env-file {path}" in server.screen


def test_missing_settings_are_told_with_the_missing_login(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OAUTH_HOST=id.example\nOAUTH_CLIENT_ID=me\n", encoding="utf-8")
    done = oca("serve", cwd=tmp_path)
    assert done.returncode == 3
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == [
        "LLM_API_URL",
        "LLM_MODEL_NAME",
        "OAUTH_REFRESH_TOKEN",
    ]


def test_only_a_server_does_without_a_login(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = change(write_env(tmp_path, world), OAUTH_REFRESH_TOKEN=None)
    assert load_settings(Need.SERVER, env_file=path, environ={}).llm_model_name
    with pytest.raises(NotLoggedInError):
        load_settings(Need.GATEWAY, env_file=path, environ={})
    with pytest.raises(ConfigurationError, match="OCA_API_KEYS"):
        load_settings(Need.SERVER, env_file=path, environ={"OCA_HOST": "0.0.0.0"})

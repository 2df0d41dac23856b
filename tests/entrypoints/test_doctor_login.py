"""`oca doctor` finds a login that is over, also where a good-looking access token hides it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from config.container import build_container
from config.settings import load_settings
from domain.checkup import Blame, CheckState
from domain.flows import access_token_flow
from tests.entrypoints.doctor_scene import change, examine, in_state, state_of, the_failure
from tests.entrypoints.stack import sandbox, write_env


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


@pytest.fixture
def used(tmp_path: Path, world: Sandbox) -> Path:
    """A `.env` whose login has been renewed once, so that there is a good access token."""
    path = write_env(tmp_path, world)
    container = build_container(load_settings(env_file=path, environ={}))
    container.blocking_driver().run(access_token_flow(container.credential()))
    return path


@pytest.mark.parametrize(("list_url", "told_at"), [(True, "models"), (False, "chat")])
def test_a_login_that_was_revoked_behind_a_good_looking_token_is_dead(
    used: Path, world: Sandbox, list_url: bool, told_at: str
) -> None:
    path = used if list_url else change(used, LLM_MODELS_API_URL=None)
    world.controls.revoke_login()
    world.controls.revoke_access_tokens()
    found = the_failure(examine(path))
    assert (found.id, found.fault, found.blame) == (told_at, "dead_login", Blame.LOGIN)
    assert "invalid_grant" in found.finding.en
    assert "oca login" in str(found.mend)
    again = the_failure(examine(path))
    assert (again.id, again.fault, again.blame) == ("token", "dead_login", Blame.LOGIN)


def test_a_token_that_is_refused_and_cannot_be_renewed_is_told_of_where_that_fails(used: Path, world: Sandbox) -> None:
    world.controls.revoke_access_tokens()
    checks = examine(change(used, OAUTH_CLIENT_ID="nobody"))
    assert (the_failure(checks).id, the_failure(checks).blame) == ("token_endpoint", Blame.CONFIGURATION)
    assert state_of(checks, "chat") is CheckState.SKIPPED


def test_a_refresh_token_that_was_pasted_beside_an_older_access_token_is_tried(used: Path, world: Sandbox) -> None:
    found = the_failure(examine(change(used, OAUTH_REFRESH_TOKEN="no-such-token")))
    assert (found.id, found.fault) == ("token", "dead_login")
    pasted = world.controls.issue_login()
    assert in_state(examine(change(used, OAUTH_REFRESH_TOKEN=pasted)), CheckState.FAILED) == []
    grants = world.controls.tokens.grants
    assert in_state(examine(used), CheckState.FAILED) == []
    assert world.controls.tokens.grants == grants


def test_a_copy_of_the_file_does_not_cost_the_original_its_login(used: Path, world: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    copy = folder / ".env"
    copy.write_bytes(used.read_bytes())
    copy.chmod(0o600)
    grants = world.controls.tokens.grants
    assert in_state(examine(copy), CheckState.FAILED) == []
    assert world.controls.tokens.grants == grants


def test_where_the_token_endpoint_is_elsewhere_the_way_to_find_it_is_told(tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world, OAUTH_TOKEN_URL=f"{world.url}/elsewhere/token")
    found = the_failure(examine(path))
    assert (found.id, found.fault) == ("token_endpoint", "not_found")
    assert f"{world.url}/elsewhere/token" in str(found.mend)
    assert "oca login" in str(found.mend)


def test_a_mend_is_a_command_for_the_file_that_was_looked_at(tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world, LLM_MODEL_NAME="")
    assert f"oca config set LLM_MODEL_NAME=VALUE --env-file {path}" in str(the_failure(examine(path)).mend)


def test_in_the_folder_of_the_file_a_mend_does_not_name_it(
    tmp_path: Path, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_env(tmp_path, world, LLM_MODEL_NAME="")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OCA_ENV_FILE", raising=False)
    assert str(the_failure(examine(path)).mend).endswith("LLM_MODEL_NAME=VALUE")

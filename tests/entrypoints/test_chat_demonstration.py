"""`oca chat --demo` through typer's runner."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.clock.system import SystemClock
from entrypoints.cli import app
from tests.entrypoints.stack import sandbox, write_env


@pytest.mark.parametrize("alive", [True, False], ids=["a login that works", "a dead login"])
def test_the_demonstration_ends_with_the_exit_code_of_the_login(alive: bool, tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        env_file = write_env(tmp_path, world)
        if not alive:
            world.controls.revoke_login()
        result = CliRunner().invoke(app, ["--lang", "en", "chat", "--demo", "Hello?", "--env-file", str(env_file)])
    assert result.exit_code == (0 if alive else 4)
    assert ("3. Streaming in asyncio" in result.stdout) == alive
    assert ("oca login" in result.stderr) == (not alive)

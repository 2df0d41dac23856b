"""The commands at a real terminal, as a person types them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.scripted_browser import ScriptedBrowser
from tests.entrypoints.test_cli import CLEAN, OCA
from tests.fakes.terminal import Terminal, terminal

pytestmark = pytest.mark.timeout(180)
CTRL_C, CTRL_D, ENTER, UP = "\x03", "\x04", "\r", "\x1b[A"
GREETING = "Hello from the OCA Gateway sandbox!"


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with Sandbox(SystemClock(), access_token_lifetime=timedelta(hours=1)) as running:
        running.controls.authorization.polling_interval = timedelta(seconds=1)
        yield running


@pytest.fixture
def env_file(tmp_path: Path, world: Sandbox) -> Path:
    """An account without a login."""
    path = tmp_path / ".env"
    path.write_text(world.env_text(""), encoding="utf-8")
    path.chmod(0o600)
    return path


def oca(*arguments: str, folder: Path) -> AbstractContextManager[Terminal]:
    """A command on a terminal, for a person whose home is empty."""
    environ = {**CLEAN, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder)}
    return terminal([*OCA, *arguments], cwd=folder, env=environ)


def test_a_person_logs_in_by_a_device_code_and_talks(tmp_path: Path, world: Sandbox, env_file: Path) -> None:
    with oca("--lang", "en", "login", "--device", folder=tmp_path) as shown:
        address = shown.wait_for(rf"{world.url}/device\S*").group()
        assert world.controls.wait_until(lambda: bool(world.controls.authorization.pending_devices))
        (asked,) = world.controls.authorization.pending_devices
        shown.wait_for(asked.user_code)
        with ScriptedBrowser() as browser:
            page = browser.open(address)
            if asked.user_code not in page.text:
                page = browser.submit(page, {"user_code": asked.user_code})
            assert "Access allowed" in browser.press(page).text
        shown.wait_for("Logged in")
        assert shown.wait_for_end() == 0, shown.text
    refresh_token = dotenv_values(env_file)["OAUTH_REFRESH_TOKEN"]
    assert refresh_token
    assert refresh_token not in shown.text

    with oca("--lang", "en", "chat", folder=tmp_path) as shown:
        shown.wait_for("Ctrl-D leaves")
        shown.wait_for_prompt()
        shown.type(f"Hello{ENTER}")
        shown.wait_for(GREETING)
        shown.wait_for_prompt()
        shown.type(CTRL_D)
        assert shown.wait_for_end() == 0, shown.text


def test_ctrl_c_stops_the_answer_and_not_the_conversation(tmp_path: Path, world: Sandbox, env_file: Path) -> None:
    env_file.write_text(world.env_text(world.controls.issue_login()), encoding="utf-8")
    with oca("--lang", "zh", "chat", folder=tmp_path) as shown:
        shown.wait_for("Ctrl-D 退出")
        shown.wait_for_prompt()
        shown.type(f"//slow 60{ENTER}")
        assert world.controls.wait_until(lambda: world.controls.answers.open == 1)
        shown.type(CTRL_C)
        shown.wait_for("已停止")
        assert world.controls.wait_until(lambda: world.controls.answers.aborted == 1)
        shown.wait_for_prompt()
        shown.type(f"你好{ENTER}")
        shown.wait_for("沙盒")
        shown.wait_for_prompt()
        # The history: the line before last, changed.
        shown.type(f"{UP}吗{ENTER}")
        shown.wait_for("你好吗")
        shown.wait_for_prompt()
        shown.type(CTRL_D)
        assert shown.wait_for_end() == 0, shown.text
    assert [b"\xe5\x90\x97" in each.body for each in world.controls.received[-2:]] == [False, True]


def test_ctrl_c_leaves_a_login_that_nobody_allows(tmp_path: Path, world: Sandbox, env_file: Path) -> None:
    with oca("--lang", "en", "login", "--device", folder=tmp_path) as shown:
        shown.wait_for(rf"{world.url}/device")
        shown.type(CTRL_C)
        assert shown.wait_for_end() == 130, shown.text
    assert not dotenv_values(env_file)["OAUTH_REFRESH_TOKEN"]

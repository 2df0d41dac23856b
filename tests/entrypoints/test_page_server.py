"""`oca ui` as a person runs it: from any folder, on this machine only, without questions."""

import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from config.environment import environment_for_sandbox_page
from domain.errors import ConfigurationError
from domain.words import Language
from entrypoints.console import Console
from entrypoints.page_server import SCRIPT, page_beside, serve_page
from tests.entrypoints.test_cli import CLEAN, OCA
from tests.fakes.redis_server import free_port

CONSOLE = Console(Language.ENGLISH)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_page_is_served_from_any_folder_on_this_machine_only_and_asks_nothing(tmp_path: Path) -> None:
    port = free_port()
    # With a home of its own, as at the very first start.
    environment = {**CLEAN, "HOME": str(tmp_path), "OCA_DATA_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [*OCA, "ui", "--port", str(port), "--env-file", str(tmp_path / ".env")],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        pause = threading.Event()
        assert any(answers(f"http://127.0.0.1:{port}/_stcore/health") or pause.wait(0.1) for _ in range(300)), (
            "the page did not start"
        )
        assert not answers(f"http://127.0.0.2:{port}/_stcore/health")
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=20)
    assert f"http://127.0.0.1:{port}" in said
    assert "email" not in said.lower()
    assert "deprecat" not in said.lower()


def test_how_it_is_served_stands_beside_the_script() -> None:
    told = (SCRIPT.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "127.0.0.1"' in told
    assert "gatherUsageStats = false" in told


def test_the_page_gets_its_port_and_the_env_file_that_was_named(tmp_path: Path) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []

    def go_on_as(command: list[str], environment: dict[str, str]) -> None:
        seen.append((command, environment))

    port = free_port()
    serve_page(CONSOLE, port=port, env_file=tmp_path / ".env", go_on_as=go_on_as)
    ((command, environment),) = seen
    assert command[1:4] == ["-m", "streamlit", "run"]
    assert command[-2:] == ["--server.port", str(port)]
    assert environment["OCA_ENV_FILE"] == str(tmp_path / ".env")


def test_a_page_without_streamlit_says_how_to_get_it() -> None:
    with pytest.raises(ConfigurationError, match="--extra ui"):
        serve_page(CONSOLE, port=8123, env_file=None, package="streamlit_that_is_not_there")


def test_beside_a_server_a_page_without_streamlit_is_done_without(capsys: pytest.CaptureFixture[str]) -> None:
    with page_beside(Path(".env"), CONSOLE, port=8123, package="streamlit_that_is_not_there") as page:
        assert page is None
    assert "--extra ui" in capsys.readouterr().err


def test_a_page_that_ends_by_itself_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A module of that name which cannot be run as Streamlit is.
    (tmp_path / "no_streamlit.py").write_text("raise SystemExit(7)")
    # Found by this process too, which looks whether it is there.
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    port = free_port()
    with page_beside(tmp_path / ".env", CONSOLE, port=port, package="no_streamlit") as page:
        assert page == f"http://127.0.0.1:{port}"
        pause, said = threading.Event(), ""
        for _ in range(300):
            said += capsys.readouterr().err
            if said or pause.wait(0.1):
                break
    assert "has ended by itself (exit code 7)" in said


def test_the_page_of_a_sandbox_gets_nothing_of_a_real_account(tmp_path: Path) -> None:
    real = {"OAUTH_HOST": "real.example", "LLM_API_KEY": "k", "HTTP_PROXY_URL": "p", "PATH": "/bin", "OCA_LANG": "zh"}
    environment = environment_for_sandbox_page(tmp_path / ".env", real)
    assert environment == {"PATH": "/bin", "OCA_LANG": "zh", "OCA_ENV_FILE": str(tmp_path / ".env")}

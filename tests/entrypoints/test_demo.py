"""`oca demo`: the sandbox and the chat page on it, started and stopped together."""

import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.entrypoints.test_cli import OCA, oca, serving
from tests.fakes.redis_server import free_port


def test_the_demo_serves_the_chat_page_too_and_both_stop_together(tmp_path: Path) -> None:
    page = f"http://127.0.0.1:{free_port()}"
    environ = {"HOME": str(tmp_path), "OCA_DATA_DIR": str(tmp_path), "OAUTH_HOST": "not.the.sandbox.example"}
    command = [*OCA, "demo", "--port", "0", "--page-port", page.rpartition(":")[2]]
    with serving(*command, cwd=tmp_path, **environ) as server:
        assert eventually(lambda: answers(f"{page}/_stcore/health")), server.screen
        assert httpx.get(f"{server.url}/readyz", trust_env=False, timeout=30).json()["status"] == "ready"
        assert f"The chat page is at {page}" in server.screen
        assert server.stop(signal.SIGTERM) == 0
    assert eventually(lambda: not answers(f"{page}/_stcore/health"))
    assert "Traceback" not in server.screen


def test_a_taken_port_of_the_page_is_one_line_and_without_the_page_nobody_minds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = oca("demo", "--port", "0", "--page-port", port, cwd=tmp_path)
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"Port {port} on 127.0.0.1 is already in use, by ")
        assert "--page-port" in line
        with serving(*OCA, "demo", "--port", "0", "--page-port", port, "--no-page", cwd=tmp_path) as server:
            assert answers(f"{server.url}/readyz")
            assert server.stop(signal.SIGINT) == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    pause = threading.Event()
    return any(condition() or pause.wait(0.1) for _ in range(300))

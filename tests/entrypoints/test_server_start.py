"""What the server brings along when it starts, and what its workers know of each other: real processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic

import httpx
import pytest

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from config.container import build_container
from config.settings import load_settings
from entrypoints.api import create_app
from tests.entrypoints.stack import sandbox, write_env
from tests.entrypoints.test_cli import CLEAN, OCA, serving

# What takes long to load and serves others: the library, the page, commands, clients that the server does without.
FOREIGN = {
    "langchain_core",
    "langchain",
    "streamlit",
    "prompt_toolkit",
    "rich",
    "httpx",
    "requests",
    "h11",
    "redis",
    "keyring",
    # Libraries that others bring along where they find them (entrypoints/lean.py).
    "charset_normalizer",
    "greenlet",
    "orjson",
    "python_multipart",
    "watchfiles",
    "yaml",
}
CHAT = {"messages": [{"role": "user", "content": "Hello!"}]}


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock(), lifetime=timedelta(hours=1)) as running:
        yield running


def test_the_server_imports_nothing_that_serves_others(tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world)
    code = (
        "import sys; from entrypoints.lean import app; from entrypoints.serving import serve; "
        "print(*{name.partition('.')[0] for name, module in sys.modules.items() if module})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**CLEAN, "OCA_ENV_FILE": str(path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert set(result.stdout.split()) & FOREIGN == set()


@pytest.mark.parametrize("chosen", ["true", "false"])
def test_the_fast_path_is_there_unless_it_is_switched_off(chosen: str, tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world, OCA_FAST_PATH=chosen)
    app = create_app(build_container(load_settings(env_file=path, environ={})))
    assert (app.fast_path is not None) is (chosen == "true")


def test_what_is_left_out_can_be_had_afterwards_and_is_missed_by_nobody() -> None:
    code = (
        "from entrypoints.lean import import_leanly; import_leanly(); "
        "import requests, rich, yaml, python_multipart; print(requests.models.chardet)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert (result.stdout.strip(), result.stderr) == ("None", "")


def test_all_workers_serve_with_one_refresh_and_tell_their_numbers_together(tmp_path: Path, world: Sandbox) -> None:
    path = write_env(tmp_path, world)
    asked = 60

    def ask(url: str) -> int:
        # A connection each, so that the kernel spreads them over the workers.
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            return client.post("/v1/chat/completions", json=CHAT).status_code

    with serving(*OCA, "serve", "--port", "0", "--workers", "2", "--env-file", str(path), cwd=tmp_path) as server:
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, [server.url] * asked)) == {200}
        workers = "oca_workers 2.0"
        counted = f'oca_requests_total{{route="/v1/chat/completions",status="200"}} {asked}.0'
        renewed = 'oca_token_events_total{event="refreshed"} 1.0'
        text = ""
        until = monotonic() + 10
        # Each worker tells the others twice a second.
        while not all(each in text for each in (workers, counted, renewed)) and monotonic() < until:
            text = httpx.get(f"{server.url}/metrics", trust_env=False, timeout=30).text
        assert workers in text
        assert counted in text
        assert renewed in text
        assert server.stop(signal.SIGTERM) == 0
    assert world.controls.tokens.grants == 1

"""What is measured: the gateway, nginx as the anchor, and LiteLLM where it is installed; each before one upstream."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.gateway.load import FailedError, hammer
from tests.benchmarks.gateway.processes import SERVED_CORE, family, free_port, pinned
from tests.benchmarks.gateway.wire import KEY, MODEL, TOKEN, Wish, request

ROOT = Path(__file__).parents[3]
STARTS_WITHIN_S = 120.0
_NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_body_buffer_size 1m; client_max_body_size 64m; keepalive_requests 10000000;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer {token}";
    }}
  }}
}}
"""
_ENV = """\
OAUTH_TOKEN_URL=http://127.0.0.1:{upstream}/oauth2/v1/token
OAUTH_CLIENT_ID=benchmark
OAUTH_REFRESH_TOKEN=r
LLM_API_URL=http://127.0.0.1:{upstream}/v1/chat/completions
LLM_MODEL_NAME={model}
OCA_API_KEYS={key}
"""
_LITELLM = """\
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/{model}, api_base: "http://127.0.0.1:{upstream}/v1", api_key: a}}
general_settings: {{master_key: {key}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A contestant that answers at `port`; `started_s` is from its start to the first 200."""

    name: str
    port: int
    processes: tuple[psutil.Process, ...]
    started_s: float


Command = Callable[[Path, int, int], list[str]]


def nginx_command(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, upstream=upstream, token=TOKEN))
    return [nginx_path() or "nginx", "-c", str(folder / "nginx.conf")]


def gateway_command(folder: Path, port: int, upstream: int) -> list[str]:
    env = folder / ".env"
    env.write_text(_ENV.format(upstream=upstream, model=MODEL, key=KEY))
    return [
        sys.executable,
        "-c",
        "from entrypoints.cli import main; main()",
        "serve",
        "--port",
        str(port),
        "--env-file",
        str(env),
    ]


def litellm_command(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "litellm.yaml").write_text(_LITELLM.format(model=MODEL, upstream=upstream, key=KEY))
    return [litellm_path() or "litellm", "--config", str(folder / "litellm.yaml"), "--port", str(port)]


def nginx_path() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def litellm_path() -> str | None:
    return shutil.which("litellm") or os.environ.get("LITELLM")


def commands() -> dict[str, Command]:
    """What can be measured here, the anchor first. Raises SystemExit without nginx."""
    if nginx_path() is None:
        raise SystemExit("nginx is the measure of this benchmark, and is not installed: apt-get install nginx-light")
    found: dict[str, Command] = {"nginx": nginx_command, "gateway": gateway_command}
    if litellm_path() is not None:
        found["litellm"] = litellm_command
    return found


@contextmanager
def running(name: str, command: Command, *, folder: Path, upstream: int) -> Generator[Running, None, None]:
    """Start a contestant, wait for its first 200, and stop it in the end."""
    folder.mkdir()
    port = free_port()
    with (folder / "output.log").open("wb") as log:
        words = command(folder, port, upstream)
        began = time.perf_counter()
        with pinned(SERVED_CORE):
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT)
        try:
            asyncio.run(_first_answer(port, process, folder / "output.log"))
            took = time.perf_counter() - began
            yield Running(name=name, port=port, processes=tuple(family(process)), started_s=took)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _first_answer(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.perf_counter() + STARTS_WITHIN_S
    while True:
        try:
            await hammer(port, request(Wish()), requests=1, connections=1)
        except (OSError, FailedError) as error:
            if process.poll() is not None or time.perf_counter() > until:
                raise SystemExit(f"It did not start: {error}\n{log.read_text()[-2000:]}") from error
            await asyncio.sleep(0.01)
        else:
            return

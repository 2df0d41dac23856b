"""A real redis-server on loopback, which tests can stop, kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

PASSWORD = "p4ssw0rd-of-redis"
# More than a start takes on a busy machine.
_PATIENCE_S = 20.0


def need_redis_server() -> str:
    """The path of the program; skips the test where there is none, unless the variable CI is set."""
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs redis-server: apt-get install redis-server")
        pytest.skip("no redis-server here: apt-get install redis-server")
    return program


@dataclass(slots=True)
class RedisServer:
    program: str
    folder: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def client(self) -> "Redis":
        """A person with redis-cli, who may do everything."""
        return Redis(host="127.0.0.1", port=self.port, password=PASSWORD, decode_responses=True, socket_timeout=10)

    def command(self, *words: str) -> Any:
        with closing(self.client()) as client:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]  # as the library leaves it

    def start(self) -> None:
        """Returns once it answers, its data loaded."""
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "requirepass": PASSWORD,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        words = [word for key, value in settings.items() for word in (f"--{key}", value)]
        self.process = subprocess.Popen(
            [self.program, *words, *self.options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        waiting = threading.Event()
        for _ in range(int(_PATIENCE_S / 0.02)):
            if self.process.poll() is not None:
                raise RuntimeError(f"redis-server ended with {self.process.returncode}")
            try:
                self.command("PING")
            except RedisConnectionError:
                waiting.wait(0.02)
            else:
                return
        raise RuntimeError("redis-server does not answer")

    def kill(self) -> None:
        """As a loss of power would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        """It keeps its connections, and answers nobody."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis_server(*options: str) -> Generator[RedisServer]:
    """One that is running, in a folder of its own."""
    program = need_redis_server()
    with tempfile.TemporaryDirectory(prefix="oca-redis-") as folder:
        server = _started(program, Path(folder), options)
        try:
            yield server
        finally:
            server.kill()


def _started(program: str, folder: Path, options: tuple[str, ...], *, chances: int = 5) -> RedisServer:
    server = RedisServer(program=program, folder=folder, port=free_port(), options=options)
    try:
        server.start()
    except RuntimeError:
        server.kill()
        if chances == 1:
            raise
        # Another program took the free port before the server did.
        return _started(program, folder, options, chances=chances - 1)
    return server

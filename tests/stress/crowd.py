"""The processes of a run: started, listened to, killed, started again."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import httpx

from tests.stress.records import Failure, Record

ROOT = Path(__file__).parents[2]
OCA = [sys.executable, "-c", "from entrypoints.cli import main; main()"]
STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 60.0


def spawn(command: Sequence[str], *, errors: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """A process that sees nothing of the environment's settings, and whose children die with its group."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("OAUTH_", "LLM_", "OCA_", "HTTP"))}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=plain,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


def kill(process_id: int) -> None:
    """`kill -9`, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            # What a dead process did not read cannot be flushed.
            with suppress(BrokenPipeError):
                pipe.close()


class Worker:
    """A process of `tests.stress.worker`; killed, it comes again."""

    def __init__(self, arguments: Sequence[str], heard: Callable[[Record], None], errors: IO[bytes]) -> None:
        self._command = [sys.executable, "-m", "tests.stress.worker", *arguments]
        self._heard = heard
        self._errors = errors
        self.ready = threading.Event()
        self._start()

    def _start(self) -> None:
        self.ready.clear()
        self.process = spawn(self._command, errors=self._errors)
        self._listener = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._listener.start()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line == b"ready\n":
                self.ready.set()
            elif line.startswith(b"{") and line.endswith(b"}\n"):  # the last line of a killed one may be cut
                self._heard(Record.decode(line.decode()))

    def kill_and_restart(self) -> None:
        self.process.kill()
        self._bury()
        self._start()

    def stop(self) -> bool:
        """Whether it ended by itself, and well."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            ended_well = self.process.wait(ENDS_WITHIN_S) == 0
        except subprocess.TimeoutExpired:
            ended_well = False
        finally:
            self.process.kill()
            self._bury()
        return ended_well

    def _bury(self) -> None:
        self.process.wait()
        self._listener.join(ENDS_WITHIN_S)
        close_pipes(self.process)


class Gateway:
    """`oca serve --workers 2`."""

    def __init__(self, env_file: Path, errors: IO[bytes]) -> None:
        command = [*OCA, "serve", "--workers", "2", "--port", "0", "--env-file", str(env_file)]
        self._errors = errors
        self.process = spawn(command, errors=subprocess.PIPE)
        assert self.process.stderr is not None
        self.url = ""
        for line in self.process.stderr:
            self._errors.write(line)
            if b"listens on " in line:
                self.url = line.decode().split("listens on ")[1].strip().removesuffix("/v1")
                break
        self._drain = threading.Thread(target=self._listen, daemon=True)
        self._drain.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.write(line)

    def wait_until_up(self) -> None:
        """Its port is open at once, but its processes take a second to answer there."""
        httpx.get(f"{self.url}/healthz", timeout=STARTS_WITHIN_S, trust_env=False).raise_for_status()

    def children(self) -> list[int]:
        """The worker processes; the supervisor starts those anew that die."""
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in listing.read_text().split()] if listing.exists() else []

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._drain.join(ENDS_WITHIN_S)
        close_pipes(self.process)


class Commands:
    """`oca token`, again and again."""

    def __init__(self, env_file: Path, heard: Callable[[Record], None]) -> None:
        self._command = [*OCA, "token", "--env-file", str(env_file)]
        self._heard = heard
        self._over = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            self.process = spawn(self._command, errors=subprocess.PIPE)
            out, errors = self.process.communicate()
            record = Record(calls=1)
            code = self.process.returncode
            if code != -signal.SIGKILL and (code != 0 or len(out.split()) != 1):
                record.failed = 1
                why = errors.decode().strip()
                kind = "TokenStoreError" if "could not" in why else f"exit {code}"
                record.failures.append(Failure(at_s=time.time(), kind=kind, why=why[-500:]))
            self._heard(record)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(ENDS_WITHIN_S)


class Reaper:
    """Kills a random process at random moments: `kill -9`, and whatever it was must come again."""

    def __init__(
        self,
        dice: random.Random,
        mean_s: float,
        victims: Callable[[], Sequence[Callable[[], None]]],
        told: Callable[[float], None],
    ) -> None:
        self._dice = dice
        self._mean_s = mean_s
        self._victims = victims
        self._told = told
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._dice.expovariate(1 / self._mean_s)):
            victim = self._dice.choice(list(self._victims()))
            self._told(time.time())
            victim()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(ENDS_WITHIN_S)

"""One run: a sandbox, a crowd, some trouble, a tally."""

import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from dotenv import dotenv_values

from adapters.clock.system import SystemClock
from adapters.langchain import OCAOauth2TokenManager
from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.server import Sandbox
from config.settings import Need, load_settings
from domain.errors import OCAError
from tests.stress.crowd import STARTS_WITHIN_S, Commands, Gateway, Reaper, Worker, kill
from tests.stress.disk import SmallDisk, UnavailableError
from tests.stress.plan import Plan
from tests.stress.records import Record
from tests.stress.tally import Tally, Window

LATE_BY = timedelta(seconds=3)
WATCH_EVERY_S = 0.1
KEY = "OAUTH_REFRESH_TOKEN"


def run(plan: Plan, *, log: IO[bytes], say: Callable[[str], None]) -> Tally:
    """Run it. `log` gets what the processes write to standard error, `say` what is going on."""
    with Sandbox(SystemClock(), access_token_lifetime=plan.lifetime) as sandbox, ExitStack() as stack:
        root = Path(stack.enter_context(TemporaryDirectory(prefix="oca-stress-")))
        tally = Tally(plan=plan)
        disk: SmallDisk | None = None
        if plan.disk_full or plan.read_only:
            try:
                disk = stack.enter_context(SmallDisk(root / "disk"))
            except UnavailableError as error:
                tally.notices.append(f"no full and no read-only disk: {error}")
        env_file = (disk.folder if disk is not None else root) / ".env"
        text = sandbox.env_text(sandbox.controls.issue_login())
        env_file.write_text(f"{text}OAUTH_TOKEN_STORE={plan.store}\n", encoding="utf-8")
        env_file.chmod(0o600)
        _Run(plan=plan, controls=sandbox.controls, env_file=env_file, disk=disk, tally=tally, log=log, say=say).go()
        return tally


@dataclass(kw_only=True)
class _Run:
    plan: Plan
    controls: SandboxControls
    env_file: Path
    disk: SmallDisk | None
    tally: Tally
    log: IO[bytes]
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._known_refusals = 0
        self._workers: list[Worker] = []
        self._gateways: list[Gateway] = []
        self._commands: list[Commands] = []

    def go(self) -> None:
        plan, controls, began_s = self.plan, self.controls, time.time()
        controls.grace = plan.grace
        controls.dice.seed(plan.seed)
        controls.late_by = LATE_BY
        try:
            self._start()
            # Trouble begins once everybody is there.
            controls.answer_delay = plan.delay
            controls.fault_rate, controls.late_rate = plan.fault_rate, plan.late_rate
            began_s = time.time()
            with self._mutex:
                self.tally.tokens, self.tally.chats, self.tally.commands = Record(), Record(), Record()
            watcher = threading.Thread(target=self._watch_login)
            watcher.start()
            with self._reaper():
                self._spend_time(began_s)
            self._over.set()
            watcher.join()
            self.tally.elapsed_s = time.time() - began_s
        finally:
            self._over.set()
            self._stop()
        controls.fault_rate = controls.late_rate = 0.0
        self.tally.statistics = controls.tokens
        self.tally.exchanges = [each for each in controls.exchanges if each.arrived.timestamp() >= began_s]
        self._mend_login()
        self.tally.alive = self._is_alive()
        beside = [each.name for each in self.env_file.parent.iterdir()]
        self.tally.stray_files = [name for name in beside if not name.startswith(self.env_file.name)]

    def _start(self) -> None:
        plan = self.plan
        size = (str(plan.threads), str(plan.tasks), str(plan.pause.total_seconds()))
        for _ in range(plan.processes):
            self._workers.append(Worker(["library", str(self.env_file), *size], self._heard_of_tokens, self.log))
        for _ in range(plan.servers):
            gateway = Gateway(self.env_file, self.log)
            self._gateways.append(gateway)
            gateway.wait_until_up()
            self._workers.append(Worker(["callers", gateway.url, *size], self._heard_of_chats, self.log))
        for worker in self._workers:
            if not worker.ready.wait(STARTS_WITHIN_S):
                raise RuntimeError("A worker did not start; its words are in the log.")
        for _ in range(plan.commands):
            self._commands.append(Commands(self.env_file, self._heard_of_commands))
        # The first token has to be bought, and `oca token` to have found its modules.
        self._over.wait(1)
        self.say(f"{len(self._workers)} processes of callers are at work on {self.env_file}")

    def _stop(self) -> None:
        for commands in self._commands:
            commands.stop()
        for worker in self._workers:
            self.tally.bad_ends += not worker.stop()
        for gateway in self._gateways:
            gateway.stop()

    def _heard_of_tokens(self, record: Record) -> None:
        with self._mutex:
            self.tally.tokens.add(record)

    def _heard_of_chats(self, record: Record) -> None:
        with self._mutex:
            self.tally.chats.add(record)

    def _heard_of_commands(self, record: Record) -> None:
        with self._mutex:
            self.tally.commands.add(record)

    @contextmanager
    def _reaper(self) -> Generator[None]:
        mean_s = self.plan.kill_every.total_seconds()
        if mean_s <= 0:
            yield
            return
        dice = random.Random(self.plan.seed)  # noqa: S311 - chance, no secret
        reaper = Reaper(dice, mean_s, self._victims, self.tally.kills_at_s.append)
        try:
            yield
        finally:
            reaper.stop()

    def _victims(self) -> Sequence[Callable[[], None]]:
        # Not the callers of a gateway, who hold no login.
        libraries = self._workers[: self.plan.processes]
        servers = [partial(kill, child) for gateway in self._gateways for child in gateway.children()]
        return [worker.kill_and_restart for worker in libraries] + servers + [each.kill for each in self._commands]

    def _spend_time(self, began_s: float) -> None:
        """Wait until the end, with the disk's trouble at a third and at two thirds of the time."""
        third_s = self.plan.duration.total_seconds() / 3
        trouble_s = min(max(2 * self.plan.lifetime.total_seconds(), 2), third_s / 2)
        disk = self.disk
        if disk is not None and self.plan.disk_full:
            self._over.wait(third_s)
            self._trouble("the disk is full", trouble_s, disk.fill, disk.make_room)
        if disk is not None and self.plan.read_only:
            self._over.wait(max(0, began_s + 2 * third_s - time.time()))
            self._trouble("the disk is read-only", trouble_s, disk.make_read_only, disk.make_writable)
        self._over.wait(max(0, began_s + 3 * third_s - time.time()))

    def _trouble(self, why: str, seconds: float, begin: Callable[[], None], end: Callable[[], None]) -> None:
        from_s = time.time()
        if not self._begun(begin):
            self.tally.notices.append(f"{why}: could not be done, somebody writes all the time")
            return
        self.say(f"{why} for {seconds:.1f} s")
        before = self.controls.tokens.grants
        self._over.wait(seconds)
        end()
        # Those who were told so just before, and those whose setback has to pass.
        self.tally.windows.append(Window(why=why, from_s=from_s, to_s=time.time() + 1))
        self.tally.notices.append(f"{why}: {self.controls.tokens.grants - before} grants in {seconds:.1f} s of it")

    def _begun(self, begin: Callable[[], None]) -> bool:
        for _ in range(200):
            try:
                begin()
            except UnavailableError:
                # Somebody has a file open for writing just now.
                self._over.wait(0.02)
            else:
                return True
        return False

    def _watch_login(self) -> None:
        while not self._over.wait(WATCH_EVERY_S):
            self._mend_login()

    def _mend_login(self) -> None:
        """Log in anew, as a person would, if the login has been lost."""
        refusals = self.controls.tokens.refusals
        if refusals == self._known_refusals:
            return
        self._known_refusals = refusals
        self.tally.logouts_at_s.append(time.time())
        self.say("the login is dead; a new one is pasted")
        old = dotenv_values(self.env_file)[KEY] or ""
        text = self.env_file.read_text(encoding="utf-8")
        self.env_file.write_text(text.replace(old, self.controls.issue_login()), encoding="utf-8")

    def _is_alive(self) -> bool:
        try:
            settings = load_settings(Need.LOGIN, env_file=self.env_file, environ={})
            manager = OCAOauth2TokenManager(settings=settings)
            token = manager.get_access_token()
            return manager.get_access_token(rejected=token) != token
        except OCAError as error:
            self.tally.notices.append(f"at the end: {error}")
            return False

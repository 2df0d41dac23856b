"""Several real processes on one file."""

import os
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.token_store.dotenv import DotenvTokenStore
from domain.errors import TokenStoreError
from domain.tokens import TokenSet

ROOT = Path(__file__).parents[3]
AROUND = "# mine\nFOO='bar'  # stays\n\nexport OAUTH_REFRESH_TOKEN=0\n"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.token_store.worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def await_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(AROUND)
    return path


def test_processes_that_hold_the_store_lose_no_update(path: Path) -> None:
    workers = [start("count", path, "15") for _ in range(4)]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    assert path.read_text() == AROUND.replace("=0", "=60")
    assert DotenvTokenStore(path=path).load().refresh_token == "60"
    assert sorted(each.name for each in path.parent.iterdir()) == [".env", ".env.lock"]


def test_a_holder_in_another_process_is_waited_for_to_the_limit(path: Path) -> None:
    holder = start("hold", path)
    try:
        await_line(holder, "held")
        store = DotenvTokenStore(path=path, lock_timeout=timedelta(milliseconds=30))
        with pytest.raises(TokenStoreError, match=r"\.env\.lock"), store.exclusive():
            pass
        assert store.load().refresh_token == "0"
    finally:
        kill(holder)


def test_the_lock_of_a_killed_holder_is_free_at_once(path: Path) -> None:
    holder = start("hold", path)
    await_line(holder, "held")
    kill(holder)
    with DotenvTokenStore(path=path, lock_timeout=timedelta(0)).exclusive():
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_of_a_killed_holder_does_not_keep_its_lock(path: Path) -> None:
    holder = start("fork", path)
    await_line(holder, "held")
    holder.kill()
    holder.wait()
    try:
        # The child is still there, since its input has not ended.
        with DotenvTokenStore(path=path, lock_timeout=timedelta(0)).exclusive():
            pass
    finally:
        holder.communicate()


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(path: Path) -> None:
    for moment_ms in (0, 2, 5, 9, 13, 17, 22, 30):
        writer = start("save", path)
        await_line(writer, "saving")
        with suppress(subprocess.TimeoutExpired):
            writer.wait(timeout=moment_ms / 1000)
        kill(writer)
        values = dotenv_values(path)
        assert values["FOO"] == "bar"
        if values["OAUTH_REFRESH_TOKEN"] != "0":
            name = (values["OAUTH_REFRESH_TOKEN"] or "").removeprefix("refresh-")
            number, _, rest = name.partition("-")
            assert rest == "x" * (int(number) % 2 * 20_000)
            assert values["OAUTH_ACCESS_TOKEN"] == f"access-{name}"
        assert path.read_text().startswith(AROUND.partition("export")[0])
    store = DotenvTokenStore(path=path, lock_timeout=timedelta(0))
    with store.exclusive():
        store.save(TokenSet(refresh_token="last"))
    assert sorted(each.name for each in path.parent.iterdir()) == [".env", ".env.lock"]


def test_a_refresh_killed_at_any_moment_leaves_the_newest_login_and_never_a_spent_one(path: Path) -> None:
    path.write_text(AROUND.replace("=0", "=refresh-0"))
    copy, newest = path.read_text(), 0
    for moment_us in (0, 200, 400, 700, 1000, 1500, 2500, 6000):
        refresher = start("refresh", path, str(newest + 1))
        assert refresher.stdout is not None
        # Killed from here on: the first answer is there, and nothing of it has been kept.
        refresher.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            refresher.wait(timeout=moment_us / 1_000_000)
        refresher.kill()
        told = [line.split() for line in ["bought " + str(newest + 1), *refresher.communicate()[0].splitlines()]]
        bought = max(int(number) for word, number in told if word == "bought")
        saved = max([newest, *(int(number) for word, number in told if word == "saved")])
        found = DotenvTokenStore(path=path).load()
        assert found.refresh_token in {f"refresh-{saved}", f"refresh-{bought}"}
        assert found.access_token in {None, (found.refresh_token or "").replace("refresh", "access")}
        if found.refresh_token != f"refresh-{bought}":
            assert found.unanswered > 0
        newest = int((found.refresh_token or "").removeprefix("refresh-"))
        assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == found.refresh_token
        if newest:
            path.write_text(copy)
            assert DotenvTokenStore(path=path).load().refresh_token == f"refresh-{newest}"
    assert newest > 0
    assert path.read_text().startswith(AROUND.partition("export")[0])
    DotenvTokenStore(path=path).save(TokenSet(refresh_token="last"))
    assert sorted(each.name for each in path.parent.iterdir()) == [".env", ".env.lock"]


def test_what_one_process_could_write_to_the_journal_only_another_one_uses_and_writes(path: Path) -> None:
    worker = start("journal", path)
    worker.communicate()
    assert worker.returncode == 0
    assert path.read_text() == AROUND
    assert DotenvTokenStore(path=path).load().refresh_token == "1"
    assert path.read_text() == AROUND.replace("=0", "=1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_breaks_the_lock_of_its_parent(path: Path) -> None:
    store = DotenvTokenStore(path=path, lock_timeout=timedelta(0))
    ready, go = os.pipe(), os.pipe()
    with store.exclusive():
        child = os.fork()
        if child == 0:  # pragma: no cover - the child is measured by its exit code
            code = 1
            with suppress(BaseException):
                try:
                    with store.exclusive():
                        code = 2
                except TokenStoreError:
                    os.write(ready[1], b"x")
                    os.read(go[0], 1)
                    code = 0
            os._exit(code)
        assert os.read(ready[0], 1) == b"x"
        # The child has gone by, and the lock still holds.
        with pytest.raises(TokenStoreError), DotenvTokenStore(path=path, lock_timeout=timedelta(0)).exclusive():
            pass
    # The child lives on, and holds nothing.
    with DotenvTokenStore(path=path, lock_timeout=timedelta(0)).exclusive():
        os.write(go[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    for descriptor in (*ready, *go):
        os.close(descriptor)

"""What processes cost: CPU time to the nanosecond where Linux tells it, and memory."""

import os
import socket
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import psutil

SERVED_CORE, OTHER_CORE = 0, 1


@contextmanager
def pinned(core: int) -> Generator[None, None, None]:
    """Keep this process, and those it starts meanwhile, on one core, where there are two and it can be chosen."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) == 1:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A process and all that it has started."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    return sum(_cpu(process) for process in processes)


def _cpu(process: psutil.Process) -> float:
    threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    if threads:
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e9
    times = process.cpu_times()
    return times.user + times.system


def memory_mb(processes: Iterable[psutil.Process]) -> float:
    """Resident memory, as `ps` shows it."""
    return sum(process.memory_info().rss for process in processes) / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

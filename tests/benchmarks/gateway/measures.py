"""What is measured of a running contestant, each as one number; smaller is better, but for the streams held."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psutil

from tests.benchmarks.gateway.contestants import Running
from tests.benchmarks.gateway.load import Caller, FailedError, callers, hammer
from tests.benchmarks.gateway.processes import cpu_seconds, memory_mb
from tests.benchmarks.gateway.wire import Wish, request

_SMALL = request(Wish())
_LARGE = request(Wish(), filler=100_000)
_PACED_MS = 20.0
# A stream is held when its events come in time: nine of ten no later than two paces after they were due.
_LATE_S = 2 * _PACED_MS / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is asked: the short form tells roughly, the long one well."""

    requests: int
    chunks: int
    paced_s: float
    streams_tried: Sequence[int]
    idle: int


SHORT = Scale(requests=600, chunks=2_000, paced_s=2.0, streams_tried=(), idle=60)
LONG = Scale(
    requests=4_000, chunks=8_000, paced_s=4.0, streams_tried=(50, 100, 150, 200, 300, 400, 600, 800, 1_000), idle=300
)


def cpu_small_us(at: Running, scale: Scale) -> float:
    """CPU microseconds per small whole request, over eight connections."""
    return _cpu_per(at, scale.requests, hammer(at.port, _SMALL, requests=scale.requests, connections=8))


def cpu_large_us(at: Running, scale: Scale) -> float:
    """The same for a request of 100 kB."""
    requests = max(8, scale.requests // 4)
    return _cpu_per(at, requests, hammer(at.port, _LARGE, requests=requests, connections=8))


def cpu_chunk_us(at: Running, scale: Scale) -> float:
    """CPU microseconds per event of a stream whose events come one after the other, without a pause."""
    stream = request(Wish(chunks=scale.chunks))
    return _cpu_per(at, 4 * scale.chunks, hammer(at.port, stream, requests=4, connections=1))


def cpu_paced_us(at: Running, scale: Scale) -> float:
    """CPU microseconds per event of sixty streams of fifty events a second."""
    chunks = int(scale.paced_s * 1000 / _PACED_MS)
    stream = request(Wish(chunks=chunks, interval_ms=_PACED_MS))
    return _cpu_per(at, 60 * chunks, hammer(at.port, stream, requests=60, connections=60))


def latency_us(at: Running, scale: Scale) -> float:
    """Microseconds from a small request to its whole answer, one at a time: the median."""
    return statistics.median(asyncio.run(hammer(at.port, _SMALL, requests=scale.requests, connections=1))) * 1e6


def first_event_us(at: Running, scale: Scale) -> float:
    """Microseconds from the request to the first event while sixty paced streams run: the median."""
    return statistics.median(asyncio.run(_first_events(at.port, scale))) * 1e6


def streams_held(at: Running, scale: Scale) -> float:
    """How many streams of fifty events a second come in time, of the numbers tried."""
    held = 0
    for count in scale.streams_tried:
        if not asyncio.run(_in_time(at.port, count)):
            break
        held = count
    return held


def idle_stream_kb(at: Running, scale: Scale) -> float:
    """Kilobytes that a stream holds whose model thinks."""
    return asyncio.run(_idle(at, scale.idle))


def memory(at: Running, _scale: Scale) -> float:
    """Megabytes in memory after the work."""
    return memory_mb(at.processes)


def start_s(at: Running, _scale: Scale) -> float:
    """Seconds from the start to the first 200."""
    return at.started_s


MEASURES: dict[str, Callable[[Running, Scale], float]] = {
    "start to first 200, s": start_s,
    "CPU per small request, us": cpu_small_us,
    "CPU per 100 kB request, us": cpu_large_us,
    "CPU per chunk back to back, us": cpu_chunk_us,
    "CPU per chunk of 60 paced streams, us": cpu_paced_us,
    "latency p50, us": latency_us,
    "time to first event p50 beside 60 streams, us": first_event_us,
    "memory of an idle stream, kB": idle_stream_kb,
    "memory, MB": memory,
    "paced streams held": streams_held,
}
# What is added to the upstream's own time is what counts of these.
ADDED = ("latency p50, us", "time to first event p50 beside 60 streams, us")


def _cpu_per(at: Running, units: int, work: Awaitable[object]) -> float:
    async def run() -> None:
        await work

    before = cpu_seconds(at.processes)
    asyncio.run(run())
    return (cpu_seconds(at.processes) - before) / units * 1e6


async def _first_events(port: int, scale: Scale) -> list[float]:
    crowd = await callers(port, 60)
    for each in crowd:
        await each.begin(request(Wish(chunks=10_000, interval_ms=_PACED_MS)))
    (probe,) = await callers(port, 1)
    took: list[float] = []
    for _ in range(max(50, scale.requests // 10)):
        await probe.begin(request(Wish(chunks=1)))
        took.append(await probe.first())
        await probe.end()
    for each in (*crowd, probe):
        each.close()
    return took


async def _in_time(port: int, count: int) -> bool:
    chunks = 100
    crowd = await callers(port, count)
    stream = request(Wish(chunks=chunks, interval_ms=_PACED_MS))
    # Spread over one pace, as real ones are.
    for each in crowd:
        await each.begin(stream)
        await asyncio.sleep(_PACED_MS / 1000 / count)
    try:
        await asyncio.gather(*(each.end() for each in crowd))
    except (FailedError, TimeoutError):
        return False
    finally:
        for each in crowd:
            each.close()
    late = sorted(lateness for each in crowd for lateness in _lateness(each))
    return late[int(len(late) * 0.9)] < _LATE_S


def _lateness(caller: Caller) -> list[float]:
    first = caller.arrivals[0]
    return [arrival - first - at * _PACED_MS / 1000 for at, arrival in enumerate(caller.arrivals)]


async def _idle(at: Running, count: int) -> float:
    before = _resident(at.processes)
    crowd = await callers(at.port, count)
    for each in crowd:
        await each.begin(request(Wish(chunks=1, then_silent=True)))
        await each.first()
    grown = _resident(at.processes) - before
    for each in crowd:
        each.close()
    until = time.perf_counter() + 1
    while time.perf_counter() < until:
        await asyncio.sleep(0.1)
    return grown / count / 1000


def _resident(processes: Sequence[psutil.Process]) -> float:
    return float(sum(process.memory_info().rss for process in processes))

"""What the server counts, for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats).

On the way of a request only numbers of this object change. They go to prometheus-client when somebody asks, and every
half second where several workers are asked together, which tell each other through files.
"""

import asyncio
from collections import Counter as Counts
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # pyright: ignore[reportUnknownVariableType]
from prometheus_client.process_collector import ProcessCollector

from adapters.wire.relay_usage import TokenCount

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TELL_AFTER_S = 0.5
_MODELS = "/v1/models"
_ROUTES = frozenset(
    {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", _MODELS, "/healthz", "/readyz", "/metrics"}
)


class Metrics:
    """The server's numbers. For one event loop.

    `token_events` tells how often each event of a login has happened in this process. `shared` is the folder of several
    workers' files, which prometheus-client must have found in its environment before it was imported.
    """

    def __init__(self, *, token_events: Callable[[], Mapping[str, int]] = dict, shared: Path | None = None) -> None:
        self._token_events = token_events
        self._shared = shared
        self._registry = CollectorRegistry()
        self._answers: Counts[tuple[str, int]] = Counts()
        self._told_events: dict[str, int] = {}
        self._read = 0
        self._written = 0
        self._streams = 0
        self._telling: asyncio.TimerHandle | None = None
        registry = self._registry
        if shared is None:
            ProcessCollector(registry=registry)
        self._requests = Counter(
            "oca_requests", "Requests answered; status 0: gone before.", ["route", "status"], registry=registry
        )
        self._first_token = Histogram(
            "oca_time_to_first_token_seconds",
            "From a request for a stream to its first event.",
            registry=registry,
            buckets=_BUCKETS_S,
        )
        self._tokens = Counter(
            "oca_tokens", "Tokens of the model, as its answers tell them.", ["direction"], registry=registry
        )
        self._running = Gauge(
            "oca_streams_running", "Streams under way.", registry=registry, multiprocess_mode="livesum"
        )
        self._renewals = Counter(
            "oca_token_events", "What happened to the login: its access token's renewals.", ["event"], registry=registry
        )

        Gauge("oca_workers", "Processes that serve.", registry=registry, multiprocess_mode="livesum").set(1)

    def answered(self, path: str, status: int) -> None:
        self._answers[path, status] += 1
        self._changed()

    def first_token(self, seconds: float) -> None:
        self._first_token.observe(seconds)

    def used(self, count: TokenCount | None) -> None:
        if count is not None:
            self._read += count.read
            self._written += count.written

    @contextmanager
    def stream(self) -> Generator[None, None, None]:
        """A stream is under way as long as this lasts."""
        self.stream_begins()
        try:
            yield
        finally:
            self.stream_ends()

    def stream_begins(self) -> None:
        self._streams += 1
        self._changed()

    def stream_ends(self) -> None:
        self._streams -= 1
        self._changed()

    def text(self) -> bytes:
        """All of it, of all workers, in Prometheus' text format."""
        self.tell()
        if self._shared is None:
            return generate_latest(self._registry)
        for pid in _dead_processes(self._shared):
            mark_process_dead(pid, path=str(self._shared))  # type: ignore[no-untyped-call]
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def tell(self) -> None:
        """Hand on what has been counted."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        answers, self._answers = self._answers, Counts()
        for (path, status), count in answers.items():
            self._requests.labels(_route(path), str(status)).inc(count)
        self._tokens.labels("in").inc(self._read)
        self._tokens.labels("out").inc(self._written)
        self._read = self._written = 0
        self._running.set(self._streams)
        for event, count in self._token_events().items():
            self._renewals.labels(event).inc(count - self._told_events.get(event, 0))
            self._told_events[event] = count

    def _changed(self) -> None:
        if self._shared is not None and self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TELL_AFTER_S, self.tell)


def _route(path: str) -> str:
    """A path as a label, of which there must not be many."""
    if path in _ROUTES:
        return path
    return f"{_MODELS}/{{model_id}}" if path.startswith(f"{_MODELS}/") else "other"


def _dead_processes(folder: Path) -> set[int]:
    """Whose gauges are still there though they are not."""
    import psutil  # noqa: PLC0415 - a server alone does without

    numbers = {file.stem.rsplit("_", 1)[1] for file in folder.glob("gauge_live*_*.db")}
    return {int(number) for number in numbers if number.isdigit() and not psutil.pid_exists(int(number))}

"""What a worker tells of its calls, as lines of JSON: a killed one has told all but its last quarter of a second."""

import json
import threading
import time
from dataclasses import asdict, dataclass, field

SLOT_S = 0.05
MOST_FAILURES_TOLD = 20_000


@dataclass(slots=True, kw_only=True)
class Failure:
    """A call that raised, at `at_s` (seconds since the epoch)."""

    at_s: float
    kind: str
    why: str


@dataclass(slots=True, kw_only=True)
class Record:
    """Calls since the last record. `slowest_ms` maps a slot of time (`SLOT_S` long, counted from the epoch) to the
    slowest call that began in it; `lag_ms` is how late the event loop's timer came at worst."""

    calls: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list[Failure])
    slowest_ms: dict[int, float] = field(default_factory=dict[int, float])
    lag_ms: float = 0.0

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, line: str) -> "Record":
        document = json.loads(line)
        return cls(
            calls=document["calls"],
            failed=document["failed"],
            failures=[Failure(**each) for each in document["failures"]],
            slowest_ms={int(slot): value for slot, value in document["slowest_ms"].items()},
            lag_ms=document["lag_ms"],
        )

    def add(self, other: "Record") -> None:
        self.calls += other.calls
        self.failed += other.failed
        self.failures += other.failures[: MOST_FAILURES_TOLD - len(self.failures)]
        for slot, value in other.slowest_ms.items():
            self.slowest_ms[slot] = max(value, self.slowest_ms.get(slot, 0.0))
        self.lag_ms = max(self.lag_ms, other.lag_ms)


class Recorder:
    """Where the threads and tasks of one process write. Safe to call from any of them."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._record = Record()

    def call(self, began_s: float, failure: BaseException | str | None) -> None:
        """A call that began at `began_s` and is over now."""
        ended_s = time.time()
        took_ms = (ended_s - began_s) * 1000
        with self._mutex:
            record = self._record
            record.calls += 1
            slot = int(began_s / SLOT_S)
            record.slowest_ms[slot] = max(took_ms, record.slowest_ms.get(slot, 0.0))
            if failure is not None:
                record.failed += 1
                if len(record.failures) < MOST_FAILURES_TOLD:
                    kind = "answer" if isinstance(failure, str) else type(failure).__name__
                    record.failures.append(Failure(at_s=ended_s, kind=kind, why=str(failure)))

    def lag(self, late_s: float) -> None:
        with self._mutex:
            self._record.lag_ms = max(self._record.lag_ms, late_s * 1000)

    def take(self) -> Record:
        with self._mutex:
            record, self._record = self._record, Record()
        return record

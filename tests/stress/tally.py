"""What a run has shown: the table, and the laws that it must not have broken."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from adapters.sandbox.controls import TokenExchange, TokenStatistics
from tests.stress.plan import Plan
from tests.stress.records import SLOT_S, Failure, Record

# Nobody renews a token on purpose in the first half of its life.
LEAST_AGE = 0.5
# Up to here bad answers are made up for while the callers wait.
BEARABLE_FAULT_RATE = 0.2
# A killed process costs a strict login only while its request is under way, or its answer on the way to the disk.
SAVED_WITHIN_S = 0.25
CUT_CONNECTIONS = frozenset({"RemoteProtocolError", "ReadError", "WriteError", "ConnectError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time, in seconds since the epoch, in which the disk was full or read-only."""

    why: str
    from_s: float
    to_s: float

    def excuses(self, failure: Failure) -> bool:
        """Whether what could not be stored was rightly not bought then."""
        about_the_store = failure.kind == "TokenStoreError" or "could not be" in failure.why
        return about_the_store and self.from_s <= failure.at_s <= self.to_s


@dataclass(slots=True, kw_only=True)
class Tally:
    """`tokens` are the library's calls, `chats` those through `oca serve`, `commands` those of `oca token`.

    `exchanges` are the token requests of the measured time, `statistics` the server's own. `logouts_at_s` are the
    moments at which the login was found dead, `kills_at_s` those of each `kill -9`.
    """

    plan: Plan
    tokens: Record = field(default_factory=Record)
    chats: Record = field(default_factory=Record)
    commands: Record = field(default_factory=Record)
    statistics: TokenStatistics = field(default_factory=TokenStatistics)
    exchanges: Sequence[TokenExchange] = ()
    elapsed_s: float = 0.0
    kills_at_s: list[float] = field(default_factory=list[float])
    logouts_at_s: list[float] = field(default_factory=list[float])
    windows: list[Window] = field(default_factory=list[Window])
    notices: list[str] = field(default_factory=list[str])
    bad_ends: int = 0
    stray_files: Sequence[str] = ()
    alive: bool = True

    @property
    def records(self) -> tuple[Record, ...]:
        return self.tokens, self.chats, self.commands

    @property
    def grants(self) -> list[TokenExchange]:
        return [each for each in self.exchanges if each.granted]

    @property
    def wasted_grants(self) -> list[str]:
        """Tokens that were bought while the one before was neither near its end nor lost on the way: when, how soon."""
        # A token's life begins when it is asked for: on a machine that stood still, before the request arrived.
        late = 2 * timedelta(milliseconds=max(self.tokens.lag_ms, self.chats.lag_ms))
        least = self.plan.lifetime * LEAST_AGE - late
        gaps = [(later.arrived, later.arrived - earlier.arrived) for earlier, later in pairwise(self.grants)]
        return [f"{at:%H:%M:%S.%f}, {gap.total_seconds():.3f} s after the last" for at, gap in gaps if gap < least]

    @property
    def expiries(self) -> int:
        return len(self.grants) - len(self.wasted_grants)

    @property
    def unexcused(self) -> list[Failure]:
        told = [each for record in self.records for each in record.failures]
        return [each for each in told if not self._cut(each) and not any(w.excuses(each) for w in self.windows)]

    def _cut(self, failure: Failure) -> bool:
        """Whether it is the end of a connection to a server's process that was killed just then."""
        return failure.kind in CUT_CONNECTIONS and any(0 <= failure.at_s - at_s < 1 for at_s in self.kills_at_s)

    @property
    def failed(self) -> int:
        """Failures without an excuse; those that were not told one by one count among them."""
        untold = sum(record.failed - len(record.failures) for record in self.records)
        return len(self.unexcused) + (0 if self.windows else untold)

    def slowest_ms(self, record: Record, *, while_refreshing: bool) -> float:
        """The slowest call of those that began while a token request was under way, or of the others."""
        busy = {
            slot
            for each in self.exchanges
            for slot in range(int(each.arrived.timestamp() / SLOT_S), int(each.ended.timestamp() / SLOT_S) + 1)
        }
        chosen = (took for slot, took in record.slowest_ms.items() if (slot in busy) is while_refreshing)
        return max(chosen, default=0.0)

    def _slowest(self, name: str, record: Record) -> list[tuple[str, object]]:
        return [
            (f"slowest {name}, ms", f"{max(record.slowest_ms.values(), default=0.0):.0f}"),
            ("  begun during a token request, ms", f"{self.slowest_ms(record, while_refreshing=True):.0f}"),
            ("  begun at other times, ms", f"{self.slowest_ms(record, while_refreshing=False):.0f}"),
        ]

    def logouts_without_cause(self) -> int:
        """Logins that were lost although no process died between its request and its save."""
        deadly = [
            kill
            for kill in self.kills_at_s
            for each in self.exchanges
            if each.arrived.timestamp() - SAVED_WITHIN_S <= kill <= each.ended.timestamp() + SAVED_WITHIN_S
        ]
        return max(0, len(self.logouts_at_s) - len(set(deadly)))

    def broken_laws(self) -> list[str]:
        """What must never happen, and did; timing is not judged here."""
        plan, seen = self.plan, self.statistics
        killed = plan.kill_every > timedelta(0)
        forgiving = plan.grace > timedelta(0)
        laws = {
            "more than one token request was in flight": seen.most_in_flight > 1,
            "a refresh token was used twice": seen.reuses > 0 and not (killed and not forgiving),
            "the login was lost": bool(self.logouts_at_s) and not (killed and not forgiving),
            "the login was lost without a death in mid-request": self.logouts_without_cause() > 0,
            "the login does not work at the end": not self.alive,
            "calls failed": self.failed > 0 and not self.logouts_at_s and plan.fault_rate <= BEARABLE_FAULT_RATE,
            "tokens were bought that nobody needed": bool(self.wasted_grants) and not killed,
            "a process did not end by itself": self.bad_ends > 0,
            "stray files lie beside .env": bool(self.stray_files),
            "nothing expired": self.expiries < 2,
        }
        return [law for law, broken in laws.items() if broken]

    def table(self) -> str:
        seen, expiries = self.statistics, self.expiries
        rows: list[tuple[str, object]] = [
            ("seconds", f"{self.elapsed_s:.0f}"),
            ("calls of the library", self.tokens.calls),
            ("chat requests through oca serve", self.chats.calls),
            ("runs of oca token", self.commands.calls),
            ("failed calls", self.failed),
            ("failed with an excuse (disk, killed server)", sum(each.failed for each in self.records) - self.failed),
            ("expiries", expiries),
            ("token requests", len(self.exchanges)),
            ("grants", len(self.grants)),
            ("requests per expiry", f"{len(self.exchanges) / max(expiries, 1):.2f}"),
            ("grants too early", len(self.wasted_grants)),
            ("reuses", seen.reuses),
            ("most requests in flight", seen.most_in_flight),
            ("kill -9", len(self.kills_at_s)),
            ("logouts", len(self.logouts_at_s)),
            *self._slowest("call", self.tokens),
            *self._slowest("chat", self.chats),
            ("longest lag of an event loop, ms", f"{max(self.tokens.lag_ms, self.chats.lag_ms):.0f}"),
        ]
        lines = [f"{name:<46}{value}" for name, value in rows]
        lines += [f"bought too early at {each}" for each in self.wasted_grants[:5]]
        lines += [f"note: {each}" for each in self.notices]
        reasons = Counter(f"{each.kind}: {each.why[:300]}" for each in self.unexcused)
        lines += [f"failed {count} x {reason}" for reason, count in reasons.most_common(5)]
        lines += [f"stray file: {each}" for each in self.stray_files]
        lines += [f"BROKEN: {law}" for law in self.broken_laws()] or ["Every law was kept."]
        return "\n".join(lines)

"""`python -m tests.stress`: exit code 1 if a law was broken."""

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile

from tests.stress.plan import Plan
from tests.stress.run import run


def parsed(arguments: list[str]) -> tuple[Plan, Path | None]:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter

    def seconds(name: str, default: timedelta, text: str) -> None:
        parser.add_argument(name, type=float, default=default.total_seconds(), metavar="S", help=text)

    seconds("--seconds", usual.duration, "how long")
    parser.add_argument("--processes", type=int, default=usual.processes, help="programs that use the library")
    parser.add_argument("--threads", type=int, default=usual.threads, help="threads in each of them")
    parser.add_argument("--tasks", type=int, default=usual.tasks, help="asyncio tasks in each of them")
    parser.add_argument(
        "--servers", type=int, default=usual.servers, help="oca serve --workers 2, with as many callers"
    )
    parser.add_argument("--commands", type=int, default=usual.commands, help="loops of oca token")
    seconds("--pause", usual.pause, "between two calls of one thread or task")
    seconds("--lifetime", usual.lifetime, "of an access token")
    seconds("--delay", usual.delay, "of each answer of the token endpoint")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="part of the answers that fail before rotation")
    parser.add_argument("--late-rate", type=float, default=0.0, help="part of the answers that come 3 s late")
    seconds("--grace", usual.grace, "for which the server forgives a spent refresh token; 0 is strict")
    seconds("--kill", usual.kill_every, "mean time between two kill -9 of random processes; 0: none")
    parser.add_argument("--disk-full", action="store_true", help="with a phase of a full disk (needs root)")
    parser.add_argument("--read-only", action="store_true", help="with a phase of a read-only disk (needs root)")
    parser.add_argument("--seed", type=int, default=0, help="of chance")
    parser.add_argument("--store", default=usual.store, help="OAUTH_TOKEN_STORE, such as redis://127.0.0.1:6379/0")
    parser.add_argument("--log", type=Path, help="where what the processes write to standard error goes")
    given = parser.parse_args(arguments)
    plan = Plan(
        duration=timedelta(seconds=given.seconds),
        processes=given.processes,
        threads=given.threads,
        tasks=given.tasks,
        servers=given.servers,
        commands=given.commands,
        pause=timedelta(seconds=given.pause),
        lifetime=timedelta(seconds=given.lifetime),
        delay=timedelta(seconds=given.delay),
        fault_rate=given.fault_rate,
        late_rate=given.late_rate,
        grace=timedelta(seconds=given.grace),
        kill_every=timedelta(seconds=given.kill),
        disk_full=given.disk_full,
        read_only=given.read_only,
        seed=given.seed,
        store=given.store,
    )
    return plan, given.log


def main() -> int:
    plan, log = parsed(sys.argv[1:])
    with TemporaryFile() if log is None else log.open("wb") as errors:
        tally = run(plan, log=errors, say=lambda words: print(words, file=sys.stderr, flush=True))  # noqa: T201
    print(tally.table())  # noqa: T201
    return 1 if tally.broken_laws() else 0


if __name__ == "__main__":
    sys.exit(main())

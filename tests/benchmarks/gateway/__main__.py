"""Run the contestants in turns and print what they cost: `python -m tests.benchmarks.gateway [--short]`."""

import argparse
import asyncio
import socket
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks.gateway.contestants import Running, commands, running
from tests.benchmarks.gateway.load import FailedError, hammer
from tests.benchmarks.gateway.measures import ADDED, LONG, MEASURES, SHORT, Scale, cpu_small_us
from tests.benchmarks.gateway.processes import OTHER_CORE, pinned
from tests.benchmarks.gateway.upstream import serve
from tests.benchmarks.gateway.wire import Wish, request

Found = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gateway", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a rough form, for CI")
    parser.add_argument("--rounds", type=int, help="how often each has its turn; by default 5, short 2")
    parser.add_argument("--only", help="measure only what has these words in its name")
    chosen = parser.parse_args()
    scale = SHORT if chosen.short else LONG
    rounds = chosen.rounds or (2 if chosen.short else 5)
    with pinned(OTHER_CORE), tempfile.TemporaryDirectory(prefix="oca-benchmark-") as folder:
        show(measured(Path(folder), scale, rounds, chosen.only or ""))
        if not chosen.only:
            print("\n" + renewed(Path(folder), scale))


def measured(folder: Path, scale: Scale, rounds: int, only: str) -> Found:
    """name of the measure -> name of the contestant -> its figures, one for each round."""
    found: Found = defaultdict(lambda: defaultdict(list))
    with upstream() as port:
        direct = Running(name="direct", port=port, processes=(), started_s=0)
        for turn in range(rounds):
            for title in ADDED:
                if only in title:
                    found[title]["direct"].append(MEASURES[title](direct, scale))
            for name, command in commands().items():
                with running(name, command, folder=folder / f"{name}-{turn}", upstream=port) as contestant:
                    for title, measure in MEASURES.items():
                        if only in title:
                            found[title][name].append(measure(contestant, scale))
    return found


def show(found: Found) -> None:
    """Print each measure as median, lowest, and ratio to nginx; of latencies, the ratio of what is added."""
    print(f"{'':46}{'':10}{'median':>10}{'lowest':>10}{'ratio to nginx':>17}")
    for title, figures in found.items():
        anchor = statistics.median(figures["nginx"])
        base = statistics.median(figures["direct"]) if "direct" in figures else 0.0
        for name, values in figures.items():
            middle = statistics.median(values)
            above = anchor - base
            ratio = "" if name in {"nginx", "direct"} or above <= 0 else f"{(middle - base) / above:.2f} x"
            if name != "direct" and base and name != "nginx":
                ratio = f"{ratio} added"
            print(f"{title:46}{name:10}{middle:10.2f}{min(values):10.2f}{ratio:>17}")


def renewed(folder: Path, scale: Scale) -> str:
    """What renewals cost: the same requests with tokens of two seconds, and with tokens of an hour."""
    figures: dict[float, list[float]] = {2.0: [], 3600.0: []}
    failed = 0
    command = commands()["gateway"]
    for turn in range(3):
        for lifetime, costs in figures.items():
            with (
                upstream(lifetime) as port,
                running("gateway", command, folder=folder / f"r{lifetime}-{turn}", upstream=port) as gateway,
            ):
                try:
                    asyncio.run(hammer(gateway.port, request(Wish()), requests=scale.requests, connections=8))
                    costs.append(cpu_small_us(gateway, scale))
                except FailedError:
                    failed += 1
    ratio = statistics.median(figures[2.0]) / statistics.median(figures[3600.0])
    return f"Tokens renewed every 2 s: {failed} failed runs, CPU per small request {ratio:.2f} x that without renewals"


@contextmanager
def upstream(token_lifetime_s: float = 3600.0) -> Generator[int, None, None]:
    """The model's server, in a process of its own; its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    process = get_context("fork").Process(target=serve, args=(listener, token_lifetime_s), daemon=True)
    process.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        process.kill()
        process.join()


if __name__ == "__main__":
    main()

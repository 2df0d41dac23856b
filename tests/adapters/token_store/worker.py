"""A process of its own for the tests: `python -m tests.adapters.token_store.worker <task> <path> [<number>]`."""

import os
import sys
from datetime import timedelta
from pathlib import Path

from adapters.token_store.dotenv import DotenvTokenStore
from domain.tokens import TokenSet


def count(path: Path, rounds: int) -> None:
    """Add one to the number that is the refresh token, again and again."""
    store = DotenvTokenStore(path=path, lock_timeout=timedelta(seconds=50))
    for _ in range(rounds):
        with store.exclusive():
            store.prove_storable()
            store.save(TokenSet(refresh_token=str(int(store.load().refresh_token or "0") + 1)))


def hold(path: Path) -> None:
    """Hold the store until the input ends."""
    with DotenvTokenStore(path=path).exclusive():
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()


def fork(path: Path) -> None:
    """Hold the store, with a child that lives until the input ends."""
    with DotenvTokenStore(path=path).exclusive():
        # The child tells, once what a fork sets off in it is over.
        if os.fork() == 0:
            sys.stdout.write("held\n")
            sys.stdout.flush()
        sys.stdin.read()
        os._exit(0)


def save(path: Path) -> None:
    """Save until killed, tokens long and short by turns."""
    store = DotenvTokenStore(path=path)
    sys.stdout.write("saving\n")
    sys.stdout.flush()
    number = 0
    while True:
        number += 1
        text = f"{number}-" + "x" * (number % 2 * 20_000)
        with store.exclusive():
            store.save(TokenSet(refresh_token=f"refresh-{text}", access_token=f"access-{text}"))


if __name__ == "__main__":
    task, target = sys.argv[1], Path(sys.argv[2])
    if task == "count":
        count(target, int(sys.argv[3]))
    elif task == "hold":
        hold(target)
    elif task == "fork":
        fork(target)
    else:
        save(target)

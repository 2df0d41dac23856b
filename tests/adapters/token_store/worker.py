"""A process of its own for the tests: `python -m tests.adapters.token_store.worker <task> <path> [<number>]`."""

import itertools
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.token_store.dotenv import DotenvTokenStore
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, begin_attempt


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


def refresh(path: Path, first: int) -> None:
    """Refresh until killed, and tell of each successor: `bought`, before anything of it is kept, and `saved`."""
    store = DotenvTokenStore(path=path)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for number in itertools.count(first):
        with store.exclusive():
            tokens = store.load()
            store.prove_storable()
            store.save(begin_attempt(tokens, tokens.refresh_token or "", now=moment))
            os.write(1, b"bought %d\n" % number)
            store.save(TokenSet(refresh_token=f"refresh-{number}", access_token=f"access-{number}"))
            os.write(1, b"saved %d\n" % number)


def journal(path: Path) -> None:
    """Refresh once, with a `.env` that cannot be written."""
    # Here, since they take longer to import than the other tasks take to start.
    from tests.adapters.token_store.faulty_files import UNWRITABLE, FaultyFiles
    from tests.adapters.token_store.scene import rotate

    files = FaultyFiles(UNWRITABLE)
    with suppress(TokenStoreError):
        rotate(DotenvTokenStore(path=path, files=files), TokenSet(refresh_token="1"))


if __name__ == "__main__":
    task, target = sys.argv[1], Path(sys.argv[2])
    if task == "count":
        count(target, int(sys.argv[3]))
    elif task == "refresh":
        refresh(target, int(sys.argv[3]))
    elif task == "journal":
        journal(target)
    elif task == "hold":
        hold(target)
    elif task == "fork":
        fork(target)
    else:
        save(target)

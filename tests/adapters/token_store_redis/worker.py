"""A machine of its own for the tests: `python -m tests.adapters.token_store_redis.worker <url> <name> <lease in ms>`.

It holds the login, with what it has loaded, until it is told to go on; then it saves.
"""

import sys
from dataclasses import replace
from datetime import timedelta

from adapters.token_store.redis import RedisTokenStore
from domain.errors import TokenStoreError


def work(url: str, name: str, lease: timedelta) -> None:
    store = RedisTokenStore(url=url, name=name, lease=lease, longest_request=lease / 4)
    try:
        with store.exclusive():
            tokens = store.load()
            tell("held")
            sys.stdin.readline()
            store.save(replace(tokens, refresh_token="bought-by-the-worker"))
            tell("saved")
    except TokenStoreError as error:
        tell(f"{type(error).__name__}: {error}")


def tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], timedelta(milliseconds=int(sys.argv[3])))

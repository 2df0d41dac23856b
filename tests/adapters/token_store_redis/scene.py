"""A login in Redis: stores on it, and the hand of somebody who looks into Redis."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.token_store.redis import RedisTokenStore
from adapters.token_store.sealed import Seal
from tests.fakes.redis_server import RedisServer

SHORT = timedelta(milliseconds=600)


def wait_until(true: Callable[[], bool], *, at_most_s: float = 15) -> None:
    waiting = threading.Event()
    for _ in range(int(at_most_s / 0.01)):
        if true():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come true")


@dataclass
class Scene:
    server: RedisServer
    name: str
    now_s: float = 0.0
    user: str | None = None
    stores: list[RedisTokenStore] = field(default_factory=list[RedisTokenStore])

    @classmethod
    @contextmanager
    def on(cls, server: RedisServer, *, name: str) -> Generator["Scene"]:
        scene = cls(server=server, name=name)
        try:
            yield scene
        finally:
            for store in scene.stores:
                store.close()

    @property
    def login_key(self) -> str:
        return f"oca:{{{self.name}}}:login"

    @property
    def lease_key(self) -> str:
        return f"oca:{{{self.name}}}:lease"

    @property
    def fence_key(self) -> str:
        return f"oca:{{{self.name}}}:fence"

    @property
    def url(self) -> str:
        return self.server.url if self.user is None else self.server.url.replace("://:", f"://{self.user}:")

    def relayed_url(self, port: int) -> str:
        return self.url.replace(f":{self.server.port}/", f":{port}/")

    def store(
        self,
        *,
        lock_timeout: timedelta = timedelta(seconds=30),
        lease: timedelta | None = None,
        longest_request: timedelta = timedelta(seconds=30),
        seed: str | None = None,
        seal: Seal | None = None,
    ) -> RedisTokenStore:
        """One more store on the login, as another machine would have it."""
        store = RedisTokenStore(
            url=self.url,
            name=self.name,
            lock_timeout=lock_timeout,
            lease=lease,
            longest_request=longest_request if lease is None else lease / 4,
            seed_refresh_token=seed,
            seal=seal,
            now_s=lambda: self.now_s,
        )
        self.stores.append(store)
        return store

    def field(self, name: str) -> str | None:
        value: Any = self.server.command("HGET", self.login_key, name)
        return value or None

    def put(self, refresh_token: str) -> None:
        self.server.command("HSET", self.login_key, "refresh_token", refresh_token)

    def let_time_pass(self) -> None:
        """As much as a snapshot lasts, or the pause before what was away is tried again."""
        self.now_s += 2

    def end_lease(self) -> None:
        """What the end of its time does to a lease whose holder is paused."""
        self.server.command("DEL", self.lease_key)

from collections.abc import Generator
from itertools import count

import pytest

from tests.adapters.token_store_redis.scene import Scene
from tests.fakes.redis_server import RedisServer, redis_server

_numbers = count()


@pytest.fixture(scope="session")
def shared_server() -> Generator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def scene(shared_server: RedisServer) -> Generator[Scene]:
    """A login of its own in a server that others use too."""
    with Scene.on(shared_server, name=f"login-{next(_numbers)}") as scene:
        yield scene


@pytest.fixture
def own_scene() -> Generator[Scene]:
    """A server of its own, to be ill-treated."""
    with redis_server() as server, Scene.on(server, name="default") as scene:
        yield scene

"""Every law of the server holds on the fast path, and without it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.adapters.http_api.fast_path_scene import NewScene, Scene
from tests.fakes.gateway import FakeGateway


@pytest.fixture(autouse=True, params=[True, False], ids=["fast path", "over ASGI"])
def _road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeGateway, "at_once", request.param)


@pytest_asyncio.fixture
async def new_scene() -> AsyncIterator[NewScene]:
    """Makes a Scene with the fast path, and ends it."""
    made: list[Scene] = []

    def new(**options: object) -> Scene:
        made.append(Scene(fast_path=True, **options))  # type: ignore[arg-type] # checked by the options themselves
        return made[-1]

    yield new
    for scene in made:
        await scene.end()

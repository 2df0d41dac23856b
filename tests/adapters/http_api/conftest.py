"""Every law of the server holds on the fast path, and without it."""

import pytest

from tests.fakes.gateway import FakeGateway


@pytest.fixture(autouse=True, params=[True, False], ids=["fast path", "over ASGI"])
def _road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeGateway, "at_once", request.param)

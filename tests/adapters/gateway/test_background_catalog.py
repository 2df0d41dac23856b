"""The model list for programs that must not wait for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from adapters.gateway.background_catalog import BackgroundCatalog
from domain.chat import Model
from ports.gateway import ModelList

LIST = ModelList(models=(Model(id="a"),))
TROUBLE = ModelList(models=(Model(id="d"),), trouble="the upstream is away")
LONG = timedelta(seconds=30)


class Upstream:
    """Gives one list after the other, each once the gate is open."""

    def __init__(self, *lists: ModelList) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        self._lists = list(lists)

    def __call__(self) -> ModelList:
        self.asked += 1
        assert self.gate.wait(20)
        return self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]


def test_nothing_is_fetched_before_somebody_asks() -> None:
    upstream = Upstream(LIST)
    assert BackgroundCatalog(upstream, patience=LONG).known is None
    assert upstream.asked == 0


def test_a_crowd_shares_one_fetch_and_the_list_is_kept() -> None:
    upstream = Upstream(LIST)
    upstream.gate.clear()
    catalog = BackgroundCatalog(upstream, patience=LONG)
    catalog.start()
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(catalog.look) for _ in range(8)]
        upstream.gate.set()
        assert [look.result() for look in looks] == [LIST] * 8
    assert catalog.look() is catalog.known is LIST
    assert upstream.asked == 1


def test_a_look_waits_only_so_long() -> None:
    upstream = Upstream(LIST)
    upstream.gate.clear()
    catalog = BackgroundCatalog(upstream, patience=timedelta(milliseconds=1))
    assert catalog.look() is None
    upstream.gate.set()
    assert catalog.refresh() is LIST


def test_a_refresh_asks_anew_and_trouble_does_not_replace_a_list() -> None:
    upstream = Upstream(LIST, TROUBLE)
    catalog = BackgroundCatalog(upstream, patience=LONG)
    assert catalog.refresh() is LIST
    assert catalog.refresh() is TROUBLE
    assert catalog.known is LIST


def test_trouble_is_not_asked_about_at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.0]
    monkeypatch.setattr("adapters.gateway.background_catalog.monotonic", lambda: seconds[0])
    upstream = Upstream(TROUBLE, LIST)
    catalog = BackgroundCatalog(upstream, patience=LONG)
    assert catalog.look() is TROUBLE
    assert catalog.look() is TROUBLE
    assert upstream.asked == 1
    seconds[0] += 20
    assert catalog.look() is LIST


def test_those_who_wait_are_told_once() -> None:
    told: list[ModelList] = []
    catalog = BackgroundCatalog(Upstream(LIST), patience=LONG)
    catalog.when_it_comes(told.append)
    catalog.refresh()
    catalog.refresh()
    assert told == [LIST]

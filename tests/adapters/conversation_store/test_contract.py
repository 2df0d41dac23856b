"""Every conversation store keeps the contract."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.conversation_store.sqlite import SqliteConversationStore
from ports.conversation_store import ConversationStore
from tests.contracts.conversation_search import ConversationSearchContract
from tests.contracts.conversation_store import ConversationStoreContract, StoreBench
from tests.fakes.clock import FakeClock
from tests.fakes.conversation_store import FakeConversationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    store: ConversationStore
    other: ConversationStore
    clock: FakeClock = field(default_factory=FakeClock)


class TestSqlite(ConversationStoreContract, ConversationSearchContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[StoreBench]:
        clock = FakeClock()
        store, other = (SqliteConversationStore(tmp_path / "conversations.db", clock) for _ in range(2))
        yield Bench(store=store, other=other, clock=clock)
        store.close()
        other.close()


class TestFake(ConversationStoreContract, ConversationSearchContract):
    @pytest.fixture
    def bench(self) -> StoreBench:
        clock = FakeClock()
        store = FakeConversationStore(clock)
        return Bench(store=store, other=store, clock=clock)

"""What every conversation store finds."""

from dataclasses import replace

import pytest

from ports.conversation_store import ConversationStore
from tests.contracts.conversation_store import PICTURE, StoreBench, chat


class ConversationSearchContract:
    @pytest.fixture
    def bench(self) -> StoreBench:
        raise NotImplementedError

    @pytest.fixture
    def store(self, bench: StoreBench) -> ConversationStore:
        return bench.store

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("", {"zh", "en", "mark"}),
            (" \t　", {"zh", "en", "mark"}),
            ("你好", {"zh"}),
            ("好世", {"zh"}),
            ("ÄRGER", {"en"}),
            ("strasse", {"en"}),
            ("cat EARS", {"en"}),
            ("ears　cat", {"en"}),
            ("cat dogs", set[str]()),
            ("named", {"en"}),
            ("photo.PNG", {"zh"}),
            ("%", {"mark"}),
            ("_", {"mark"}),
            ("100%", {"mark"}),
            ("\\", {"mark"}),
            ("'; --", {"mark"}),
            ("no%thing", set[str]()),
        ],
    )
    def test_a_search_finds_words_anywhere(self, store: ConversationStore, search: str, found: set[str]) -> None:
        store.save(chat("zh").asked("说你好世界", (PICTURE,)))
        store.save(replace(chat("en", ("Concatenate?", "Yes."), ("Bears?", "Ärger, Straße.")), name="Named"))
        store.save(chat("mark", ("100% of it_", "a \\ b'; -- nothing")))
        assert {summary.key for summary in store.listed(search)} == found

    def test_a_search_follows_what_is_changed(self, store: ConversationStore) -> None:
        before = store.save(chat("a", ("old?", "yes")))
        store.save(before.edited(0, "new?"), replaces=before)
        store.rename("a", "Named")
        assert store.listed("old") == store.listed("yes") == ()
        assert len(store.listed("new named")) == 1
        store.rename("a", "")
        assert store.listed("named") == ()

    def test_a_search_of_very_many_words_is_answered(self, store: ConversationStore) -> None:
        words = " ".join(f"w{number}" for number in range(2_000))
        store.save(chat("a", (words, "yes")))
        assert len(store.listed(words)) == 1
        assert store.listed(f"{words} more") == ()

"""What every conversation store keeps."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest

from domain.chat import ChatResponse, Choice, ImagePart, Message, TextPart
from domain.conversation import Attachment, Conversation, PromptSettings, Trouble, TroubleKind
from ports.conversation_store import KEPT_AFTER_DELETION, ConversationStore
from tests.fakes.clock import FakeClock

SECOND = timedelta(seconds=1)
SETTINGS = PromptSettings(model="m", system_prompt="Be kind.", temperature=0.5)
PICTURE = Attachment(name="Photo.png", part=ImagePart(url="data:image/png;base64,AAAA"))


def saying(text: str) -> ChatResponse:
    return ChatResponse(choices=(Choice(message=Message(role="assistant", content=(TextPart(text=text),))),))


def heard(conversation: Conversation, text: str) -> Conversation:
    """The question that waits is sent, and this much of its answer has come."""
    begun = conversation.begun("m")
    assert begun.last is not None
    return begun.heard(begun.last.answer.attempt, saying(text), SECOND)


def answered(conversation: Conversation, question: str, text: str) -> Conversation:
    running = heard(conversation.asked(question), text)
    assert running.last is not None
    return running.finished(running.last.answer.attempt)


def chat(key: str, *exchanges: tuple[str, str]) -> Conversation:
    conversation = Conversation(key=key, settings=SETTINGS)
    for question, text in exchanges:
        conversation = answered(conversation, question, text)
    return conversation


class StoreBench(Protocol):
    """A store and its clock; `other` is another holder's way to the same ground."""

    @property
    def store(self) -> ConversationStore: ...

    @property
    def other(self) -> ConversationStore: ...

    @property
    def clock(self) -> FakeClock: ...


class ConversationStoreContract:
    @pytest.fixture
    def bench(self) -> StoreBench:
        raise NotImplementedError

    @pytest.fixture
    def store(self, bench: StoreBench) -> ConversationStore:
        return bench.store

    @pytest.fixture
    def other(self, bench: StoreBench) -> ConversationStore:
        return bench.other

    @pytest.fixture
    def clock(self, bench: StoreBench) -> FakeClock:
        return bench.clock

    def test_a_new_store_is_empty(self, store: ConversationStore) -> None:
        assert store.listed() == ()
        assert store.load("a") is None

    def test_what_was_saved_is_loaded(self, store: ConversationStore, other: ConversationStore) -> None:
        conversation = replace(chat("a", ("one?", "1")).asked("two?", (PICTURE,)), name="Numbers")
        assert store.save(conversation) == conversation
        assert store.load("a") == conversation
        assert other.load("a") == conversation

    def test_a_conversation_without_turns_can_be_kept(self, store: ConversationStore) -> None:
        store.save(Conversation(key="a"))
        assert store.load("a") == Conversation(key="a")

    def test_a_conversation_without_a_key_is_refused(self, store: ConversationStore) -> None:
        with pytest.raises(ValueError, match="key"):
            store.save(chat("", ("one?", "1")))
        assert store.listed() == ()

    def test_an_unsettled_answer_is_kept_as_it_is(self, store: ConversationStore, other: ConversationStore) -> None:
        asked = chat("a").asked("one?")
        running = heard(asked, "hal")
        store.save(asked)
        assert other.load("a") == asked
        store.save(running, replaces=asked)
        assert other.load("a") == running

    def test_an_answer_grows_save_by_save(self, store: ConversationStore, other: ConversationStore) -> None:
        conversation = saved = store.save(chat("a", ("one?", "1")).asked("two?", (PICTURE,)))
        for text in ("t", "tw", "two"):
            conversation = heard(conversation, text)
            saved = store.save(conversation, replaces=saved)
            assert other.load("a") == conversation
        assert conversation.last is not None
        failed = conversation.failed(conversation.last.answer.attempt, Trouble(kind=TroubleKind.TIMEOUT))
        store.save(failed, replaces=saved)
        assert other.load("a") == failed
        assert len(store.listed()) == 1

    def test_an_edit_replaces_the_turns_after_it(self, store: ConversationStore, other: ConversationStore) -> None:
        conversation = chat("a", ("one?", "1"), ("two?", "2"), ("three?", "3"))
        store.save(conversation)
        edited = conversation.edited(1, "other?")
        assert store.save(edited, replaces=conversation) == edited
        assert other.load("a") == edited
        again = edited.begun("m").interrupted().asked_again(0)
        assert store.save(again, replaces=edited) == again
        assert other.load("a") == again

    def test_files_come_and_go_with_their_turns(self, store: ConversationStore, other: ConversationStore) -> None:
        with_one = chat("a").asked("one?", (PICTURE,))
        with_two = Conversation(key="a").asked("one?", (replace(PICTURE, name="b.png"), PICTURE))
        without = Conversation(key="a").asked("one?")
        saved = store.save(with_one)
        for conversation in (with_two, without, with_one):
            saved = store.save(conversation, replaces=saved)
            assert saved == conversation
            assert other.load("a") == conversation

    def test_two_that_go_on_from_the_same_both_live(self, store: ConversationStore, other: ConversationStore) -> None:
        store.save(chat("a", ("one?", "1")))
        mine, theirs = store.load("a"), other.load("a")
        assert mine is not None
        assert theirs is not None
        first = store.save(answered(mine, "mine?", "2"), replaces=mine)
        second = other.save(answered(theirs, "theirs?", "3"), replaces=theirs)
        assert first.key == "a"
        assert second.key not in {"", "a"}
        assert second == replace(answered(theirs, "theirs?", "3"), key=second.key)
        assert store.load("a") == first
        assert store.load(second.key) == second
        assert {summary.key for summary in store.listed()} == {"a", second.key}

    def test_one_that_was_parted_stays_under_its_new_key(
        self, store: ConversationStore, other: ConversationStore
    ) -> None:
        before = store.save(chat("a", ("one?", "1")))
        store.save(before.asked("mine?"), replaces=before)
        running = heard(before.asked("theirs?"), "tw")
        parted = other.save(running, replaces=before)
        # By its old key: its holder may not have heard of the new one yet.
        grown = heard(running, "two")
        assert other.save(grown, replaces=parted) == replace(grown, key=parted.key)
        assert len(store.listed()) == 2

    def test_a_new_conversation_does_not_overwrite_another_of_its_key(self, store: ConversationStore) -> None:
        first = store.save(chat("a", ("one?", "1")))
        second = store.save(chat("a", ("two?", "2")))
        assert second.key != "a"
        assert store.load("a") == first
        assert store.load(second.key) == second

    def test_the_same_saved_twice_is_there_once(self, store: ConversationStore, other: ConversationStore) -> None:
        conversation = chat("a", ("one?", "1"))
        assert store.save(conversation) == conversation
        assert other.save(conversation) == conversation
        assert other.save(conversation, replaces=chat("a")) == conversation
        assert len(store.listed()) == 1

    def test_other_settings_are_kept_and_part_nobody(self, store: ConversationStore, other: ConversationStore) -> None:
        conversation = store.save(chat("a", ("one?", "1")))
        bold = replace(conversation, settings=PromptSettings(model="n", temperature=2))
        assert other.save(bold, replaces=conversation) == bold
        assert store.load("a") == bold
        gone_on = answered(conversation, "two?", "2")
        assert store.save(gone_on, replaces=conversation) == gone_on

    def test_the_list_begins_with_the_last_change(self, store: ConversationStore, clock: FakeClock) -> None:
        before = {key: store.save(chat(key, (f"{key}?", "yes"))) for key in ("a", "b", "c")}
        clock.advance(SECOND)
        store.save(answered(before["b"], "more?", "yes"), replaces=before["b"])
        assert [summary.key for summary in store.listed()] == ["b", "c", "a"]
        assert [summary.updated_at for summary in store.listed(limit=1)] == [clock.now()]
        assert [summary.title for summary in store.listed(limit=2)] == ["b?", "c?"]
        assert store.listed(limit=0) == ()

    def test_a_save_that_changes_nothing_moves_nothing(self, store: ConversationStore, clock: FakeClock) -> None:
        first = store.save(chat("a", ("one?", "1")))
        clock.advance(SECOND)
        store.save(chat("b", ("two?", "2")))
        clock.advance(SECOND)
        store.save(first, replaces=first)
        assert [summary.key for summary in store.listed()] == ["b", "a"]

    def test_a_name_lasts_and_an_empty_one_gives_the_first_words_back(
        self, store: ConversationStore, other: ConversationStore, clock: FakeClock
    ) -> None:
        conversation = store.save(chat("a", ("one?", "1")))
        store.save(chat("b", ("two?", "2")))
        clock.advance(SECOND)
        other.rename("a", "Numbers")
        assert [summary.title for summary in store.listed()] == ["two?", "Numbers"]
        assert store.load("a") == replace(conversation, name="Numbers")
        # Whoever has not heard of the name yet neither takes it back nor is parted from it.
        gone_on = store.save(answered(conversation, "two?", "2"), replaces=conversation)
        assert (gone_on.key, gone_on.name) == ("a", "Numbers")
        assert store.load("a") == gone_on
        other.rename("a", "")
        assert [summary.title for summary in store.listed()] == ["one?", "two?"]

    def test_what_is_not_there_can_be_renamed_deleted_and_restored(self, store: ConversationStore) -> None:
        store.rename("a", "Numbers")
        store.delete("a")
        store.restore("a")
        assert store.listed() == ()

    def test_a_deleted_one_is_gone_until_it_is_restored(
        self, store: ConversationStore, other: ConversationStore
    ) -> None:
        conversation = store.save(chat("a", ("one?", "1")))
        other.delete("a")
        assert store.listed() == store.listed("one") == ()
        assert store.load("a") is None
        other.restore("a")
        assert store.load("a") == conversation
        assert len(store.listed("one")) == 1

    def test_a_deleted_one_is_removed_for_good_by_a_later_save(
        self, store: ConversationStore, clock: FakeClock
    ) -> None:
        store.save(chat("a", ("one?", "1")))
        store.save(chat("b", ("two?", "2")))
        store.delete("a")
        clock.advance(KEPT_AFTER_DELETION - SECOND)
        store.delete("a")
        store.save(chat("c", ("three?", "3")))
        store.restore("a")
        assert store.load("a") is not None
        store.delete("a")
        clock.advance(KEPT_AFTER_DELETION)
        store.save(chat("d", ("four?", "4")))
        store.restore("a")
        assert store.load("a") is None
        assert {summary.key for summary in store.listed()} == {"b", "c", "d"}

    def test_an_answer_that_comes_to_its_end_does_not_undo_a_deletion(
        self, store: ConversationStore, other: ConversationStore
    ) -> None:
        running = store.save(heard(chat("a").asked("one?"), "o"))
        other.delete("a")
        stopped = store.save(running.interrupted(), replaces=running)
        assert store.load("a") is None
        store.restore("a")
        assert store.load("a") == stopped

    def test_whoever_asks_on_in_a_deleted_one_brings_it_back(
        self, store: ConversationStore, other: ConversationStore
    ) -> None:
        conversation = store.save(chat("a", ("one?", "1")))
        other.delete("a")
        asked = store.save(conversation.asked("two?"), replaces=conversation)
        assert store.load("a") == asked
        other.delete("a")
        assert store.save(asked) == asked
        assert store.load("a") == asked

    def test_whoever_goes_on_with_one_that_was_removed_for_good_brings_it_back(
        self, store: ConversationStore, clock: FakeClock
    ) -> None:
        conversation = store.save(chat("a", ("one?", "1")))
        store.delete("a")
        clock.advance(KEPT_AFTER_DELETION)
        store.save(conversation.asked("two?"), replaces=conversation)
        assert store.load("a") == conversation.asked("two?")

    def test_threads_that_go_on_from_each_others_saves_lose_nothing(
        self, store: ConversationStore, other: ConversationStore
    ) -> None:
        store.save(chat("a"))
        rounds, threads = 5, 4

        def ask(worker: int) -> None:
            ground = (store, other)[worker % 2]
            for number in range(rounds):
                held = ground.load("a")
                assert held is not None
                ground.save(answered(held, f"{worker}-{number}?", "yes"), replaces=held)

        workers = [threading.Thread(target=ask, args=(worker,)) for worker in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found = (store.load(summary.key) for summary in store.listed())
        asked = {turn.question for each in found if each is not None for turn in each.turns}
        assert asked == {f"{worker}-{number}?" for worker in range(threads) for number in range(rounds)}

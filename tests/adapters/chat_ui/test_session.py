from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from adapters.chat_ui.session import ChatSession
from domain.chat import ChatResponse, Choice, Message, TextPart
from domain.conversation import AnswerState, Conversation, PromptSettings
from domain.errors import ConversationStoreError
from tests.fakes.clock import FakeClock
from tests.fakes.conversation_store import FakeConversationStore


def chat_session(store: FakeConversationStore | None = None, seconds: list[float] | None = None) -> ChatSession:
    moments = [0.0] if seconds is None else seconds
    return ChatSession(store or FakeConversationStore(FakeClock()), now=lambda: moments[0])


def store_of() -> FakeConversationStore:
    return FakeConversationStore(FakeClock())


def test_of_many_runs_one_claims_the_question() -> None:
    session = chat_session()
    session.change(lambda conversation: conversation.asked("one?"))
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(session.claim, ["m"] * 64))
    assert sum(claim is not None for claim in claims) == 1


def test_nothing_is_claimed_when_nothing_waits() -> None:
    assert chat_session().claim("m") is None


def test_a_session_is_busy_from_the_question_to_the_end_of_the_answer() -> None:
    session = chat_session()
    seen = [session.busy]
    session.change(lambda conversation: conversation.asked("one?"))
    seen.append(session.busy)
    session.claim("m")
    seen.append(session.busy)
    session.change(Conversation.interrupted)
    seen.append(session.busy)
    assert seen == [False, True, True, False]


def test_no_change_is_lost_between_threads() -> None:
    session = chat_session()

    def ask_again(conversation: Conversation) -> Conversation:
        return conversation.asked("again?")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(session.change, [ask_again] * 200))
    assert len(session.conversation.turns) == session.conversation.attempts == 200


def asked(session: ChatSession, question: str = "one?") -> int:
    session.change(lambda conversation: conversation.asked(question))
    turn = session.claim("m")
    assert turn is not None
    return turn.answer.attempt


def test_a_conversation_is_kept_from_its_first_question_on_and_no_sooner() -> None:
    store = store_of()
    session = chat_session(store)
    session.keep_settings(PromptSettings(model="m"))
    assert store.listed() == ()
    asked(session)
    assert [summary.title for summary in store.listed()] == ["one?"]
    assert store.load(session.conversation.key) == session.conversation


def test_a_growing_answer_is_stored_about_once_a_second_and_its_end_at_once() -> None:
    store, seconds = store_of(), [0.0]
    session = chat_session(store, seconds)
    attempt = asked(session)
    key = session.conversation.key

    def stored() -> str:
        loaded = store.load(key)
        assert loaded is not None
        assert loaded.last is not None
        return loaded.last.answer.text

    def hears(text: str) -> None:
        session.change(lambda conversation: conversation.heard(attempt, saying(text), timedelta()))

    hears("a")
    assert stored() == ""
    seconds[0] = 1.5
    hears("ab")
    hears("abc")
    assert stored() == "ab"
    session.change(lambda conversation: conversation.finished(attempt))
    assert stored() == "abc"


def test_what_ran_when_it_was_stored_counts_as_stopped_and_what_waited_is_not_sent() -> None:
    store = store_of()
    first = chat_session(store)
    asked(first)
    waiting = chat_session(store)
    waiting.change(lambda conversation: conversation.asked("two?"))
    for session in (first, waiting):
        other = chat_session(store)
        assert other.open(session.conversation.key)
        assert other.claim("m") is None
        assert other.conversation.last is not None
        assert other.conversation.last.answer.state is AnswerState.STOPPED


def test_looking_at_a_conversation_that_runs_elsewhere_changes_nothing_there() -> None:
    store = store_of()
    first, other = chat_session(store), chat_session(store)
    attempt = asked(first)
    other.open(first.conversation.key)
    other.change(Conversation.interrupted)
    first.change(lambda conversation: conversation.finished(attempt))
    assert len(store.listed()) == 1
    assert not first.moved


def test_two_tabs_that_go_on_with_one_conversation_keep_both() -> None:
    store = store_of()
    first, other = chat_session(store), chat_session(store)
    attempt = asked(first)
    first.change(lambda conversation: conversation.finished(attempt))
    other.open(first.conversation.key)
    asked(first, "here?")
    asked(other, "there?")
    assert (first.moved, other.moved) == (False, True)
    assert first.conversation.key != other.conversation.key
    questions = {tuple(turn.question for turn in session.conversation.turns) for session in (first, other)}
    assert questions == {("one?", "here?"), ("one?", "there?")}
    assert len(store.listed()) == 2


def test_a_store_that_fails_is_told_and_costs_nothing_that_was_said() -> None:
    store = store_of()
    session = chat_session(store)
    store.trouble = ConversationStoreError("The disk is full.")
    asked(session)
    assert str(session.trouble) == "The disk is full."
    assert session.conversation.turns[0].question == "one?"
    store.trouble = None
    session.change(Conversation.interrupted)
    assert session.trouble == ""
    assert [summary.title for summary in store.listed()] == ["one?"]


def test_a_new_name_is_not_brought_back_to_the_old_one() -> None:
    store = store_of()
    session = chat_session(store)
    asked(session)
    store.rename(session.conversation.key, "Mine")
    session.called(session.conversation.key, "Mine")
    session.change(Conversation.interrupted)
    assert [summary.title for summary in store.listed()] == ["Mine"]
    assert session.conversation.title == "Mine"


def test_a_conversation_that_is_not_there_is_not_opened() -> None:
    assert not chat_session().open("nobody")


def saying(text: str) -> ChatResponse:
    return ChatResponse(choices=(Choice(message=Message(role="assistant", content=(TextPart(text=text),))),))

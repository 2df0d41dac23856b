from concurrent.futures import ThreadPoolExecutor

from adapters.chat_ui.session import ChatSession
from domain.conversation import Conversation


def test_of_many_runs_one_claims_the_question() -> None:
    session = ChatSession()
    session.change(lambda conversation: conversation.asked("one?"))
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(session.claim, ["m"] * 64))
    assert sum(claim is not None for claim in claims) == 1


def test_nothing_is_claimed_when_nothing_waits() -> None:
    assert ChatSession().claim("m") is None


def test_a_session_is_busy_from_the_question_to_the_end_of_the_answer() -> None:
    session = ChatSession()
    seen = [session.busy]
    session.change(lambda conversation: conversation.asked("one?"))
    seen.append(session.busy)
    session.claim("m")
    seen.append(session.busy)
    session.change(Conversation.interrupted)
    seen.append(session.busy)
    assert seen == [False, True, True, False]


def test_no_change_is_lost_between_threads() -> None:
    session = ChatSession()

    def ask_again(conversation: Conversation) -> Conversation:
        return conversation.asked("again?")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(session.change, [ask_again] * 200))
    assert len(session.conversation.turns) == session.conversation.attempts == 200

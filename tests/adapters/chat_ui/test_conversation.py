from datetime import timedelta

import pytest

from adapters.chat_ui.conversation import AnswerState, Conversation, PromptSettings
from adapters.chat_ui.troubles import Trouble, TroubleKind
from domain.chat import ChatResponse, Choice, Message, TextPart

SETTINGS = PromptSettings(model="m", system_prompt="Be kind.", temperature=0.5)
SECOND = timedelta(seconds=1)


def saying(text: str, reasoning: str = "") -> ChatResponse:
    content = (TextPart(text=text),) if text else ()
    return ChatResponse(choices=(Choice(message=Message(role="assistant", content=content, reasoning=reasoning)),))


def running(conversation: Conversation, question: str) -> tuple[Conversation, int]:
    begun = conversation.asked(question).begun("m")
    assert begun.last is not None
    return begun, begun.last.answer.attempt


def answered(conversation: Conversation, question: str, text: str) -> Conversation:
    begun, attempt = running(conversation, question)
    return begun.heard(attempt, saying(text, reasoning="hm"), SECOND).finished(attempt)


def state_of(conversation: Conversation) -> AnswerState:
    assert conversation.last is not None
    return conversation.last.answer.state


def words(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in conversation.request(SETTINGS).messages]


def test_a_request_holds_the_system_prompt_the_history_and_the_question() -> None:
    conversation = answered(Conversation(), "one?", "1").asked("two?")
    request = conversation.request(SETTINGS)
    assert words(conversation) == [("system", "Be kind."), ("user", "one?"), ("assistant", "1"), ("user", "two?")]
    assert (request.model, request.temperature) == ("m", 0.5)


def test_a_blank_system_prompt_is_not_sent() -> None:
    blank = PromptSettings(model="m", system_prompt=" \n", temperature=0)
    request = Conversation().asked("one?").request(blank)
    assert [message.role for message in request.messages] == ["user"]


def test_an_empty_conversation_has_no_request() -> None:
    with pytest.raises(ValueError, match="empty"):
        Conversation().request(SETTINGS)


def test_reasoning_is_not_sent_back() -> None:
    request = answered(Conversation(), "one?", "1").asked("two?").request(SETTINGS)
    assert all(not message.reasoning for message in request.messages)


def test_a_turn_that_failed_without_a_word_is_left_out_of_the_history() -> None:
    begun, attempt = running(Conversation(), "lost?")
    failed = begun.failed(attempt, Trouble(kind=TroubleKind.TIMEOUT))
    assert words(failed.asked("next?")) == [("system", "Be kind."), ("user", "next?")]
    assert [turn.question for turn in failed.asked("next?").turns] == ["lost?", "next?"]


def test_a_partial_answer_stays_and_is_sent_with_the_history() -> None:
    begun, attempt = running(Conversation(), "one?")
    stopped = begun.heard(attempt, saying("half"), SECOND).stopped(attempt)
    assert state_of(stopped) is AnswerState.STOPPED
    assert ("assistant", "half") in words(stopped.asked("next?"))


def test_asking_again_puts_a_fresh_answer_in_the_place_of_the_last() -> None:
    conversation = answered(answered(Conversation(), "one?", "1"), "two?", "2").asked_again()
    assert [turn.question for turn in conversation.turns] == ["one?", "two?"]
    assert state_of(conversation) is AnswerState.ASKED
    assert words(conversation)[-1] == ("user", "two?")


def test_asking_again_does_nothing_while_an_answer_is_on_its_way() -> None:
    begun, _ = running(Conversation(), "one?")
    assert begun.asked_again() is begun
    asked = Conversation().asked("one?")
    assert asked.asked_again() is asked
    assert Conversation().asked_again() == Conversation()


def test_an_overtaken_attempt_changes_nothing() -> None:
    begun, old = running(Conversation(), "one?")
    again = begun.interrupted().asked_again().begun("m")
    assert again.heard(old, saying("late"), SECOND) is again
    assert again.finished(old) is again
    assert again.failed(old, Trouble(kind=TroubleKind.TIMEOUT)) is again
    assert again.stopped(old) is again


def test_a_settled_answer_does_not_change_any_more() -> None:
    conversation = answered(Conversation(), "one?", "1")
    assert conversation.last is not None
    attempt = conversation.last.answer.attempt
    assert conversation.stopped(attempt) is conversation
    assert conversation.interrupted() is conversation
    assert conversation.heard(attempt, saying("more"), SECOND) is conversation
    assert conversation.begun("other") is conversation


def test_a_new_question_closes_the_answer_that_still_runs() -> None:
    begun, attempt = running(Conversation(), "one?")
    conversation = begun.heard(attempt, saying("half"), SECOND).asked("two?")
    assert [turn.answer.state for turn in conversation.turns] == [AnswerState.STOPPED, AnswerState.ASKED]


def test_a_waiting_question_survives_an_interruption() -> None:
    asked = Conversation().asked("one?")
    assert asked.interrupted() is asked


def test_no_two_attempts_bear_the_same_number() -> None:
    conversation = answered(Conversation(), "one?", "1").asked_again().begun("m").interrupted().asked("two?")
    assert conversation.last is not None
    assert conversation.last.answer.attempt == conversation.attempts == 3


def test_the_upstreams_own_name_for_the_model_goes_before_ours() -> None:
    begun, attempt = running(Conversation(), "one?")
    assert begun.last is not None
    assert begun.last.answer.model == "m"
    told = begun.heard(
        attempt, ChatResponse(choices=(Choice(message=Message(role="assistant")),), model="m-2026"), SECOND
    )
    assert told.last is not None
    assert told.last.answer.model == "m-2026"

from datetime import timedelta

import pytest

from domain.chat import ChatResponse, Choice, ImagePart, Message, TextPart
from domain.conversation import AnswerState, Attachment, Conversation, PromptSettings, Trouble, TroubleKind

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


def test_editing_a_question_replaces_the_turn_and_all_that_followed() -> None:
    conversation = answered(answered(answered(Conversation(), "one?", "1"), "two?", "2"), "three?", "3")
    edited = conversation.edited(1, "zwei?")
    assert [turn.question for turn in edited.turns] == ["one?", "zwei?"]
    assert state_of(edited) is AnswerState.ASKED
    assert words(edited) == [("system", "Be kind."), ("user", "one?"), ("assistant", "1"), ("user", "zwei?")]
    assert conversation.edited(7, "no such turn") is conversation


def test_editing_while_an_answer_runs_overtakes_it() -> None:
    begun, old = running(answered(Conversation(), "one?", "1"), "two?")
    edited = begun.edited(0, "eins?").begun("m")
    assert edited.heard(old, saying("late"), SECOND) is edited


def test_files_go_before_the_words_and_stay_with_their_question() -> None:
    picture = Attachment(name="a.png", part=ImagePart(url="data:image/png;base64,AA=="))
    conversation = Conversation().asked("what is it?", (picture,))
    assert conversation.request(SETTINGS).messages[-1].content == (picture.part, TextPart(text="what is it?"))
    assert conversation.edited(0, "and now?").turns[0].attachments == (picture,)
    assert Conversation().asked("", (picture,)).request(SETTINGS).messages[-1].content == (picture.part,)


def test_the_first_word_or_thought_is_timed_once() -> None:
    begun, attempt = running(Conversation(), "one?")
    heard = begun.heard(attempt, saying(""), SECOND).heard(attempt, saying("", reasoning="hm"), 2 * SECOND)
    heard = heard.heard(attempt, saying("a"), 3 * SECOND)
    assert heard.last is not None
    assert heard.last.answer.first_word_after == 2 * SECOND


def test_a_conversation_is_called_by_its_name_or_its_first_words() -> None:
    assert Conversation().title == ""
    assert Conversation().asked("  Hello\n there ").title == "Hello there"
    assert Conversation().asked("字" * 50).title == "字" * 40 + "…"
    assert Conversation(name="Mine").asked("Hello").title == "Mine"
    file = Attachment(name="a.png", part=ImagePart(url="data:,"))
    assert Conversation().asked(" ", (file,)).title == "a.png"


def test_what_is_not_set_is_not_sent_and_what_is_goes_along() -> None:
    plain = Conversation().asked("one?").request(PromptSettings(model="m"))
    assert (plain.temperature, plain.max_tokens, plain.top_p, plain.reasoning_effort) == (None, None, None, None)
    full = PromptSettings(model="m", temperature=0, max_tokens=5, top_p=0.5, reasoning_effort="low")
    request = Conversation().asked("one?").request(full)
    assert (request.temperature, request.max_tokens, request.top_p, request.reasoning_effort) == (0, 5, 0.5, "low")

import threading

import pytest
from streamlit.testing.v1 import AppTest

from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import ENGLISH
from domain.events import TextDelta
from tests.adapters.chat_ui.page_driver import Page
from tests.fakes.chat_gateway import FakeChatGateway, Script
from tests.fakes.clock import FakeClock
from tests.fakes.conversation_store import FakeConversationStore


def test_a_stopped_answer_keeps_what_came_and_says_so() -> None:
    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop), TextDelta(text="lo")))
    )
    page.ask("Hi?")
    assert not page.session.busy
    assert page.gateway.wait_until_closed(1)
    page.run()
    assert page.answers[0].startswith("Hel")
    assert page.warnings == [ENGLISH.stopped]
    assert page.has_button("regenerate")
    assert len(page.gateway.requests) == 1


def test_stop_does_not_wait_for_a_silent_upstream() -> None:
    speak_again = threading.Event()

    def wait() -> None:
        assert speak_again.wait(20)

    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop), wait, TextDelta(text="lo")))
    )
    page.ask("Hi?")
    page.run()
    assert page.answers == ["Hel"]
    assert page.warnings == [ENGLISH.stopped]
    assert page.gateway.wait_until_closed(1)
    speak_again.set()
    page.run()
    assert page.answers == ["Hel"]


def test_another_click_while_an_answer_streams_stops_it_and_sends_nothing_twice() -> None:
    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(
            steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.click_elsewhere), *[TextDelta(text="lo")] * 50)
        )
    )
    page.ask("Hi?")
    assert page.answers[0].startswith("Hel")
    assert page.warnings == [ENGLISH.stopped]
    assert len(page.gateway.requests) == 1


def test_a_run_stops_the_answer_of_a_run_that_it_has_overtaken() -> None:
    page = Page(FakeChatGateway())
    # As another thread leaves it that has sent the question and still waits for a word.
    page.session.change(lambda conversation: conversation.asked("Hi?"))
    assert page.session.claim("model-a") is not None
    page.run()
    assert not page.session.busy
    assert page.warnings == [ENGLISH.stopped]
    assert page.has_button("regenerate")
    assert page.gateway.requests == []


def test_a_run_that_the_input_did_not_start_has_a_stop_button_of_ours() -> None:
    page = Page(FakeChatGateway())
    for _ in range(2):
        page.gateway.answers_next(Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop))))
    page.ask("Hi?")
    assert not page.has_button("stop")
    page.run()
    page.press("regenerate")
    assert page.has_button("stop")
    assert not page.has_button("regenerate")


@pytest.mark.parametrize(("busy", "runs"), [(False, 2), (True, 1)])
def test_the_page_is_drawn_again_once_a_stopped_answer_is_settled(busy: bool, runs: int) -> None:
    def script(session: "ChatSession", runs: "list[int]") -> None:
        from adapters.chat_ui.running import rerun_once_settled

        runs.append(len(runs))
        if len(runs) == 1:
            rerun_once_settled(session)

    session = ChatSession(FakeConversationStore(FakeClock()))
    if busy:
        session.change(lambda conversation: conversation.asked("one?"))
    seen: list[int] = []
    AppTest.from_function(script, args=(session, seen), default_timeout=30).run()
    assert len(seen) == runs

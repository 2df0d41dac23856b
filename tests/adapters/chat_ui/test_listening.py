import threading
from datetime import timedelta

import pytest

from adapters.chat_ui.listening import listening
from domain.chat import ChatRequest
from domain.errors import LoginRequiredError, StreamInterruptedError
from domain.events import Finished, StreamEvent, TextDelta
from tests.fakes.chat_gateway import FakeChatGateway, Script

REQUEST = ChatRequest(model="m", messages=())
SOON = timedelta(milliseconds=5)
LONG = timedelta(seconds=10)
WORDS = (TextDelta(text="a"), TextDelta(text="b"), Finished(reason="stop"))


def test_all_events_come_in_order_and_the_stream_is_closed_by_then() -> None:
    gateway = FakeChatGateway(Script(steps=WORDS))
    heard: list[StreamEvent] = []
    with listening(gateway, REQUEST, patience=LONG) as batches:
        for batch in batches:
            heard.extend(batch)
        assert gateway.closed == 1
    assert tuple(heard) == WORDS
    assert gateway.requests == [REQUEST]


def test_a_silent_upstream_gives_empty_batches() -> None:
    answer_now = threading.Event()

    def wait() -> None:
        assert answer_now.wait(10)

    gateway = FakeChatGateway(Script(steps=(wait, *WORDS)))
    with listening(gateway, REQUEST, patience=SOON) as batches:
        assert next(batches) == ()
        answer_now.set()
        assert tuple(event for batch in batches for event in batch) == WORDS


def test_an_error_comes_after_the_events_before_it() -> None:
    gateway = FakeChatGateway(Script(steps=(WORDS[0], StreamInterruptedError("cut"))))
    heard: list[StreamEvent] = []
    with listening(gateway, REQUEST, patience=LONG) as batches, pytest.raises(StreamInterruptedError, match="cut"):
        heard.extend(event for batch in batches for event in batch)
    assert heard == [WORDS[0]]
    assert gateway.closed == 1


def test_a_refusal_is_raised_while_listening() -> None:
    gateway = FakeChatGateway(Script(refusal=LoginRequiredError("no login")))
    with listening(gateway, REQUEST, patience=LONG) as batches, pytest.raises(LoginRequiredError, match="no login"):
        list(batches)


def test_leaving_early_does_not_wait_and_closes_the_stream_at_the_next_event() -> None:
    answer_on = threading.Event()
    asked_for_more: list[str] = []

    def wait() -> None:
        assert answer_on.wait(10)

    gateway = FakeChatGateway(Script(steps=(WORDS[0], wait, WORDS[1], lambda: asked_for_more.append("more"))))
    with listening(gateway, REQUEST, patience=LONG) as batches:
        assert next(batches) == (WORDS[0],)
    assert gateway.closed == 0
    answer_on.set()
    assert gateway.wait_until_closed(1)
    assert asked_for_more == []

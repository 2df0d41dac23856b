import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.chat_ui.listening import AnswerLoop, listening
from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from config.container import build_container
from config.settings import load_settings
from domain.chat import ChatRequest, ChatResponse, Message, TextPart
from domain.errors import LoginRequiredError, StreamInterruptedError
from domain.events import Finished, StreamEvent, TextDelta
from ports.gateway import USUAL_TERMS, AsyncChat, ChatTerms
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.chat_gateway import FakeChatGateway, Script
from tests.fakes.upstream_server import UpstreamServer, silence

REQUEST = ChatRequest(model="m", messages=())
SOON = timedelta(milliseconds=5)
LONG = timedelta(seconds=10)
WORDS = (TextDelta(text="a"), TextDelta(text="b"), Finished(reason="stop"))


@pytest.fixture
def quiet() -> Iterator[Callable[[], None]]:
    """A step that says nothing for the rest of the test."""
    over = threading.Event()
    yield lambda: None if over.wait(10) else pytest.fail("Nobody left.")
    over.set()


class StubbornChat:
    """A chat that will not be cancelled: its stream goes on, and the end of it waits, until it is `released`."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.cancelled = threading.Event()
        self.told: list[str] = []
        self.over = threading.Event()

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS
    ) -> AsyncGenerator[AsyncIterator[StreamEvent]]:
        try:
            yield self._events()
        finally:
            self.over.set()

    async def complete(self, request: ChatRequest, terms: ChatTerms = USUAL_TERMS) -> ChatResponse:
        raise NotImplementedError

    async def _events(self) -> AsyncIterator[StreamEvent]:
        yield TextDelta(text="a")
        release = asyncio.create_task(asyncio.to_thread(self.released.wait, 10))
        while not release.done():
            try:
                await asyncio.shield(release)
            except asyncio.CancelledError:
                self.cancelled.set()
        for word in "bcd":
            self.told.append(word)
            yield TextDelta(text=word)


def words_in(batches: Iterator[tuple[StreamEvent, ...]]) -> tuple[StreamEvent, ...]:
    return tuple(event for batch in batches for event in batch)


def test_all_events_come_in_order_and_the_stream_is_closed_by_then() -> None:
    chat = FakeChatGateway(Script(steps=WORDS))
    with listening(chat, REQUEST, patience=LONG) as batches:
        assert words_in(batches) == WORDS
        assert chat.closed == 1
    assert chat.requests == [REQUEST]


def test_a_word_is_not_held_back_until_more_have_come(quiet: Callable[[], None]) -> None:
    chat = FakeChatGateway(Script(steps=(WORDS[0], quiet)))
    with listening(chat, REQUEST, patience=LONG) as batches:
        assert next(batches) == (WORDS[0],)


def test_a_silent_upstream_gives_empty_batches() -> None:
    answer_now = threading.Event()

    def wait() -> None:
        assert answer_now.wait(10)

    chat = FakeChatGateway(Script(steps=(wait, *WORDS)))
    with listening(chat, REQUEST, patience=SOON) as batches:
        assert next(batches) == ()
        answer_now.set()
        assert words_in(batches) == WORDS


def test_an_error_comes_after_the_events_before_it() -> None:
    chat = FakeChatGateway(Script(steps=(WORDS[0], StreamInterruptedError("cut"))))
    heard: list[StreamEvent] = []
    with listening(chat, REQUEST, patience=LONG) as batches, pytest.raises(StreamInterruptedError, match="cut"):
        heard.extend(event for batch in batches for event in batch)
    assert heard == [WORDS[0]]
    assert chat.closed == 1


def test_a_refusal_is_raised_while_listening() -> None:
    chat = FakeChatGateway(Script(refusal=LoginRequiredError("no login")))
    with listening(chat, REQUEST, patience=LONG) as batches, pytest.raises(LoginRequiredError, match="no login"):
        list(batches)


def test_leaving_closes_the_stream_at_once_though_the_upstream_is_silent(quiet: Callable[[], None]) -> None:
    chat = FakeChatGateway(Script(steps=(WORDS[0], quiet, WORDS[1])))
    with listening(chat, REQUEST, patience=LONG) as batches:
        assert next(batches) == (WORDS[0],)
        assert chat.closed == 0
    assert chat.wait_until_closed(1, timeout_s=5)
    assert list(batches) == []


def test_leaving_by_an_error_closes_the_stream_and_hides_nothing(quiet: Callable[[], None]) -> None:
    chat = FakeChatGateway(Script(steps=(WORDS[0], quiet)))

    def draw(batches: Iterator[tuple[StreamEvent, ...]]) -> None:
        next(batches)
        raise LookupError

    with pytest.raises(LookupError), listening(chat, REQUEST, patience=LONG) as batches:
        draw(batches)
    assert chat.wait_until_closed(1, timeout_s=5)


def test_what_was_heard_and_not_read_is_gone_when_the_page_has_left() -> None:
    chat = FakeChatGateway(Script(steps=WORDS))
    with listening(chat, REQUEST, patience=LONG) as batches:
        assert chat.wait_until_closed(1)
    assert list(batches) == []


def test_a_stream_that_will_not_close_holds_up_no_page_and_is_not_read_on() -> None:
    chat = StubbornChat()
    with listening(chat, REQUEST, patience=LONG) as batches:
        assert next(batches) == (WORDS[0],)
    assert not chat.over.is_set()
    assert chat.cancelled.wait(5)
    chat.released.set()
    assert chat.over.wait(10)
    assert chat.told == ["b"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_whatever_an_answer_dies_of_the_page_is_told_and_the_next_answer_comes(error: type[BaseException]) -> None:
    def die() -> None:
        raise error

    loop = AnswerLoop()
    chat = FakeChatGateway(Script(steps=(die,)), Script(steps=WORDS))
    with listening(chat, REQUEST, patience=LONG, loop=loop) as batches, pytest.raises(error):
        list(batches)
    with listening(chat, REQUEST, patience=LONG, loop=loop) as batches:
        assert words_in(batches) == WORDS


def test_an_answer_that_is_cancelled_by_somebody_else_is_an_interrupted_one() -> None:
    def cancelled() -> None:
        raise asyncio.CancelledError

    chat = FakeChatGateway(Script(steps=(WORDS[0], cancelled)))
    heard: list[StreamEvent] = []
    with listening(chat, REQUEST, patience=LONG) as batches, pytest.raises(StreamInterruptedError):
        heard.extend(event for batch in batches for event in batch)
    assert heard == [WORDS[0]]


def test_of_answers_side_by_side_each_is_left_alone(quiet: Callable[[], None]) -> None:
    chat = FakeChatGateway(Script(steps=(WORDS[0], quiet)), Script(steps=WORDS))
    with listening(chat, REQUEST, patience=LONG) as first:
        assert next(first) == (WORDS[0],)
        with listening(chat, REQUEST, patience=LONG) as second:
            assert words_in(second) == WORDS
        assert chat.closed == 1
    assert chat.wait_until_closed(2, timeout_s=5)


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


def chat_over(env_file: Path) -> AsyncChat:
    return build_container(load_settings(env_file=env_file, environ={})).asyncio_chat()


def chat_at(upstream: UpstreamServer, folder: Path) -> AsyncChat:
    env_file = folder / ".env"
    env_file.write_text(upstream.env_text(), encoding="utf-8")
    env_file.chmod(0o600)
    return chat_over(env_file)


def asking(words: str) -> ChatRequest:
    return ChatRequest(
        model="sandbox-chat", messages=(Message(role="user", content=(TextPart(text=words),)),), stream_usage=False
    )


@pytest.mark.parametrize("failure", ["stall", "keep-alive"])
def test_the_upstream_sees_at_once_that_nobody_listens(world: Sandbox, tmp_path: Path, failure: str) -> None:
    chat = chat_over(write_env(tmp_path, world))
    with listening(chat, asking(f"/fail {failure}"), patience=LONG) as batches:
        while not any(isinstance(event, TextDelta) for event in next(batches)):
            assert world.controls.answers.aborted == 0
    assert world.controls.wait_until(lambda: world.controls.answers.aborted == 1, timeout=timedelta(seconds=2))
    with listening(chat, asking("Hi"), patience=LONG) as batches:
        assert words_in(batches)[-1] == Finished(reason="stop")
    assert world.controls.answers.finished == 1


def test_the_upstream_sees_it_before_it_has_said_a_word(tmp_path: Path) -> None:
    with UpstreamServer(silence) as upstream:
        with listening(chat_at(upstream, tmp_path), asking("Hi"), patience=SOON) as batches:
            assert next(batches) == ()
            upstream.wait_for_requests(1)
            assert not upstream.connections[0].closed.is_set()
        assert upstream.connections[0].closed.wait(2)
        assert not upstream.connections[0].ended_here


def test_the_answers_of_all_sessions_share_their_connections(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        chat = chat_at(upstream, tmp_path)
        for _ in range(2):
            with listening(chat, asking("Hi"), patience=LONG) as batches:
                assert TextDelta(text="Hel") in words_in(batches)
        assert len(upstream.asked) == 2
        assert len(upstream.connections) == 1

"""How an answer's stream is read: what counts as waiting, what is hidden, when it is over."""

from datetime import timedelta

import pytest

from adapters.gateway.asking import AnswerReader
from adapters.wire.openai_chat import OpenAIChatCodec
from domain.errors import StreamInterruptedError
from domain.events import Finished, TextDelta

LIMIT = timedelta(seconds=10)
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


class Watch:
    """A stopwatch that the test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def reader(watch: Watch, *, token: str = "at") -> AnswerReader:
    return AnswerReader(OpenAIChatCodec(), token, LIMIT, now=watch)


def wait_for(answer: AnswerReader, watch: Watch, seconds: float, piece: bytes) -> None:
    answer.patience()
    watch.now_s += seconds
    list(answer.feed(piece))


def test_comments_and_halves_of_chunks_do_not_begin_the_wait_anew() -> None:
    watch = Watch()
    answer = reader(watch)
    wait_for(answer, watch, 4, b": keep-alive\n\n")
    wait_for(answer, watch, 3, WORD[:20])
    assert answer.patience() == timedelta(seconds=3)


def test_a_chunk_begins_the_wait_anew_even_one_that_tells_nothing() -> None:
    watch = Watch()
    answer = reader(watch)
    wait_for(answer, watch, 9, b'data: {"choices":[]}\n\n')
    assert answer.patience() == LIMIT


def test_the_time_that_a_consumer_takes_is_not_counted() -> None:
    watch = Watch()
    answer = reader(watch)
    wait_for(answer, watch, 1, b": keep-alive\n\n")
    watch.now_s += 3600
    assert answer.patience() == timedelta(seconds=9)


def test_our_token_is_hidden_from_the_answer() -> None:
    events = list(reader(Watch(), token="secret-token-1").feed(WORD.replace(b'"a"', b'"secret-token-1!"')))
    assert TextDelta(text="***!") in events


def test_an_answer_is_done_when_the_upstream_says_so_and_interrupted_when_it_only_ends() -> None:
    answer = reader(Watch())
    list(answer.feed(WORD))
    with pytest.raises(StreamInterruptedError):
        list(answer.finish())
    assert list(answer.feed(STOP + b"data: [DONE]\n\n")) == [Finished(reason="stop")]
    assert answer.done
    assert list(answer.finish()) == []

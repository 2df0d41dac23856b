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


def reader(*, token: str = "at") -> AnswerReader:
    return AnswerReader(OpenAIChatCodec(), token, LIMIT)


def test_comments_and_halves_of_chunks_do_not_begin_the_wait_anew() -> None:
    answer = reader()
    assert answer.patience() == LIMIT
    for piece in (b": keep-alive\n\n", WORD[:20]):
        list(answer.feed(piece))
        assert answer.patience() is None


def test_a_chunk_begins_the_wait_anew_even_one_that_tells_nothing() -> None:
    answer = reader()
    answer.patience()
    list(answer.feed(b'data: {"choices":[]}\n\n'))
    assert answer.patience() == LIMIT


def test_our_token_is_hidden_from_the_answer() -> None:
    events = list(reader(token="secret-token-1").feed(WORD.replace(b'"a"', b'"secret-token-1!"')))
    assert TextDelta(text="***!") in events


def test_an_answer_is_done_when_the_upstream_says_so_and_interrupted_when_it_only_ends() -> None:
    answer = reader()
    list(answer.feed(WORD))
    with pytest.raises(StreamInterruptedError):
        list(answer.finish())
    assert list(answer.feed(STOP + b"data: [DONE]\n\n")) == [Finished(reason="stop")]
    assert answer.done
    assert list(answer.finish()) == []


def test_a_stream_that_ends_in_good_order_without_a_single_chunk_is_no_answer() -> None:
    answer = reader()
    assert list(answer.feed(b": keep-alive\n\ndata: [DONE]\n\n")) == []
    with pytest.raises(StreamInterruptedError, match="without an answer"):
        list(answer.finish())

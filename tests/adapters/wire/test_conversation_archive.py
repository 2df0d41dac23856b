"""A conversation as a file: what is read back is what was written."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.wire.conversation_archive import decode_json, encode_json, encode_markdown
from domain.chat import ChatResponse, Choice, ImagePart, Message, TextPart, Usage
from domain.conversation import (
    Answer,
    AnswerState,
    Attachment,
    Conversation,
    PromptSettings,
    Trouble,
    TroubleKind,
    Turn,
)
from domain.errors import InvalidRequestError
from tests.adapters.conversation_store.conversations import CONVERSATIONS, JSON

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def said(text: str, reasoning: str = "") -> ChatResponse:
    message = Message(role="assistant", content=(TextPart(text=text),), reasoning=reasoning)
    return ChatResponse(
        choices=(Choice(message=message, finish_reason="stop"),), usage=Usage(input_tokens=1, output_tokens=2)
    )


def turn(question: str, text: str, reasoning: str = "", state: AnswerState = AnswerState.COMPLETE) -> Turn:
    answer = Answer(attempt=1, state=state, asked_model="m", response=said(text, reasoning))
    return Turn(question=question, answer=answer)


WHOLE = Conversation(
    turns=(
        replace(
            turn("你好?", "世界"),
            attachments=(Attachment(name="a.png", part=ImagePart(url="data:image/png;base64,AA", detail="low")),),
        ),
    ),
    attempts=1,
    key="k",
    name="Name",
    settings=PromptSettings(model="m", temperature=0.5),
)


def stopped(conversation: Conversation) -> Conversation:
    """What an archive of it holds: whoever listened to its answer is not in there."""
    last = conversation.last
    return conversation if last is None else conversation.stopped(last.answer.attempt)


@given(conversation=CONVERSATIONS)
def test_what_was_written_is_read_back(conversation: Conversation) -> None:
    assert decode_json(encode_json(conversation, exported_at=NOON)) == stopped(conversation)


@given(conversation=CONVERSATIONS)
def test_equal_conversations_are_written_alike(conversation: Conversation) -> None:
    written = encode_json(stopped(conversation), exported_at=NOON)
    assert encode_json(decode_json(written), exported_at=NOON) == written


def test_an_archive_is_versioned_json_in_utf_8() -> None:
    written = encode_json(WHOLE, exported_at=NOON)
    archive = json.loads(written)
    assert list(archive) == ["format", "version", "exported_at", "conversation"]
    assert archive["format"] == "oca-conversation"
    assert archive["version"] == 1
    assert archive["exported_at"] == "2026-01-02T12:00:00+00:00"
    assert "你好".encode() in written


def test_an_archive_of_the_first_version_is_read_for_ever() -> None:
    # Not made by the program: this is what people have on their disks. Fields may be added here, never changed.
    archive = """{
      "format": "oca-conversation", "version": 1, "exported_at": "2026-01-02T12:00:00+00:00", "unknown": 1,
      "conversation": {
        "key": "k", "name": "Name", "attempts": 1, "settings": {"model": "m", "temperature": 0.5}, "unknown": {},
        "turns": [{
          "question": "你好?",
          "attachments": [{"name": "a.png",
                           "part": {"kind": "image", "url": "data:image/png;base64,AA", "detail": "low"}}],
          "answer": {
            "attempt": 1, "state": "failed", "asked_model": "m", "elapsed": "PT1.500000S", "first_word_after": null,
            "trouble": {"kind": "too_many_requests", "status": 429, "retry_after": "PT3S"},
            "response": {
              "choices": [{"message": {"role": "assistant", "content": [{"kind": "text", "text": "世界"}]},
                           "finish_reason": "stop"}],
              "usage": {"input_tokens": 1, "output_tokens": 2}
            }
          }
        }]
      }
    }"""
    answer = replace(
        WHOLE.turns[0].answer,
        state=AnswerState.FAILED,
        elapsed=timedelta(seconds=1.5),
        trouble=Trouble(kind=TroubleKind.TOO_MANY_REQUESTS, status=429, retry_after=timedelta(seconds=3)),
    )
    assert decode_json(archive.encode("utf-8-sig")) == replace(WHOLE, turns=(replace(WHOLE.turns[0], answer=answer),))


def test_what_the_domain_would_not_make_is_mended() -> None:
    turns = tuple(turn(str(state), "half", state=state) for state in (AnswerState.ASKED, AnswerState.RUNNING))
    conversation = Conversation(turns=turns, attempts=0)
    mended = decode_json(encode_json(conversation, exported_at=NOON))
    assert [each.answer.state for each in mended.turns] == [AnswerState.STOPPED, AnswerState.STOPPED]
    assert mended.attempts == 1


Path = tuple[str | int, ...]


def paths(value: object, path: Path = ()) -> list[Path]:
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(cast("dict[str | int, object]", value).items())
    elif isinstance(value, list):
        inner = list(enumerate(cast("list[object]", value)))
    return [path, *(each for name, item in inner for each in paths(item, (*path, name)))]


ARCHIVE: Any = json.loads(encode_json(WHOLE, exported_at=NOON))


def changed(*path: str | int, value: object) -> bytes:
    """The archive with another value in this place; the whole of it, where there is no path."""
    outer: Any = json.loads(json.dumps({"": ARCHIVE}))
    place: Any = outer
    *before, last = ("", *path)
    for name in before:
        place = place[name]
    place[last] = value
    return json.dumps(outer[""]).encode()


@given(path=st.sampled_from(paths(ARCHIVE)), value=JSON)
@example(path=("conversation", "settings", "temperature"), value=1)
def test_an_archive_with_anything_in_it_is_read_or_refused(path: Path, value: object) -> None:
    with suppress(InvalidRequestError):
        conversation = decode_json(changed(*path, value=value))
        encode_markdown(conversation)
        assert decode_json(encode_json(conversation, exported_at=NOON)) == conversation


@given(data=st.binary())
@example(data=b"[" * 100_000)
@example(data=b'{"format": "oca-conversation", "version": ' + b"1" * 5_000 + b"}")
@example(data=b"")
def test_bytes_of_any_kind_are_refused_with_words(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be read as a conversation"):
        decode_json(data)


TURN = ("conversation", "turns", 0)
ANSWER = (*TURN, "answer")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((), [], "It must hold a JSON object, but holds an array"),
        (("format",), "other", "none of ours"),
        (("version",), None, "`version` must be"),
        (("version",), True, "`version` must be"),
        (("version",), 2, "newer version"),
        (("conversation",), None, "`conversation` must be an object, but is null"),
        (TURN, {}, "`conversation.turns[0].question` is missing"),
        (TURN, 7, "`conversation.turns[0]` must be an object, but is an integer"),
        (("conversation", "attempts"), "1", "`conversation.attempts` must be an integer, but is another string"),
        (("conversation", "attempts"), True, "`conversation.attempts` must be an integer, but is a boolean"),
        (("conversation", "turns"), {}, "`conversation.turns` must be an array, but is an object"),
        (("conversation", "settings", "temperature"), 10**400, "temperature` must be a number of usual size"),
        ((*ANSWER, "state"), "new", "one of asked, running, complete, stopped, failed"),
        ((*ANSWER, "elapsed"), "PT99999999999999999999S", "elapsed` must be a duration"),
        ((*ANSWER, "elapsed"), 1, "elapsed` must be a duration such as `PT1.500000S`, but is an integer"),
        ((*ANSWER, "response", "choices"), [], "choices` is empty"),
        ((*ANSWER, "response", "choices", 0, "message", "role"), "admin", "one of system, developer"),
        ((*TURN, "attachments", 0, "part", "kind"), "film", "one of text, image, audio, file, other"),
    ],
)
def test_a_refusal_says_what_is_wrong(path: Path, value: object, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode_json(changed(*path, value=value))
    assert str(caught.value).startswith("The file cannot be read as a conversation. ")
    assert words in str(caught.value)


def test_a_mapping_of_any_kind_is_written_as_an_object() -> None:
    message = Message(role="assistant", extras=MappingProxyType({"audio": MappingProxyType({"id": 1})}))
    answer = Answer(attempt=1, state=AnswerState.COMPLETE, response=ChatResponse(choices=(Choice(message=message),)))
    read = decode_json(encode_json(Conversation(turns=(Turn(question="", answer=answer),)), exported_at=NOON))
    assert read.turns[0].answer.response.message.extras == {"audio": {"id": 1}}

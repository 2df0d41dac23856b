"""A conversation as a file to take along: JSON, which can be read back, or Markdown for people.

The JSON is an object:

- `format`: "oca-conversation".
- `version`: 1. It grows when a reader of the version before would misunderstand. Fields may be added without that: a
  reader passes over what it does not know, and what is missing has its default.
- `exported_at`: an RFC 3339 time, for people.
- `conversation`: the fields of `domain.conversation.Conversation` and of all that it holds, by their names
  (`adapters.wire.declared_json`). Durations are like `PT1.500000S`. The part of an attachment has a `kind`: text,
  image, audio, file or other.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from adapters.wire.declared_json import decoded, encoded, json_bytes, json_value
from adapters.wire.json_object import json_kind_told
from adapters.wire.markdown_text import bounded, code_block, code_span, plain, quoted
from domain.conversation import UNSETTLED, Answer, AnswerState, Conversation, Turn
from domain.errors import InvalidRequestError
from domain.words import Text

FORMAT = "oca-conversation"
VERSION = 1


def encode_json(conversation: Conversation, *, exported_at: datetime) -> bytes:
    """The whole value, in UTF-8."""
    archive = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": exported_at.isoformat(),
        "conversation": encoded(conversation),
    }
    return json_bytes(archive, indent=2) + b"\n"


def decode_json(data: bytes) -> Conversation:
    """What `encode_json` was given; an answer that was on its way is a stopped one.

    The key is kept: it is for the caller to say whether this is the same conversation or another one. Raises
    InvalidRequestError, whatever the bytes are.
    """
    try:
        archive = _archive(json_value(data))
        conversation = decoded(Conversation, archive.get("conversation"), "conversation")
        _refuse_empty_answers(conversation)
    except InvalidRequestError as error:
        told = Text(
            f"The file cannot be read as a conversation. {error.text.en}", f"无法把该文件读作对话。{error.text.zh}"
        )
        raise InvalidRequestError(told, param=error.param) from error
    last = len(conversation.turns) - 1
    turns = tuple(_settled(turn, last=place == last) for place, turn in enumerate(conversation.turns))
    # Answers to come must not bear the number of one that is there.
    attempts = max((conversation.attempts, *(turn.answer.attempt for turn in turns)))
    return replace(conversation, turns=turns, attempts=attempts)


def encode_markdown(conversation: Conversation) -> str:
    """The conversation to read: what was asked, thought and answered. Answers stay the Markdown that they are."""
    settings = conversation.settings
    head = [f"# {plain(conversation.title) or 'Conversation'}"]
    if settings is not None and settings.model:
        head.append(f"Model: {code_span(settings.model)}")
    if settings is not None and settings.system_prompt.strip():
        head += ["System prompt:", quoted(settings.system_prompt)]
    blocks = [block for number, turn in enumerate(conversation.turns, 1) for block in _turn(number, turn)]
    return "\n\n".join((*head, *blocks)) + "\n"


def _archive(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        kind = json_kind_told(value)
        raise InvalidRequestError(
            Text(f"It must hold a JSON object, but holds {kind.en}.", f"其内容必须是 JSON 对象，而不是{kind.zh}。")
        )
    archive = cast("dict[str, Any]", value)
    if archive.get("format") != FORMAT:
        raise InvalidRequestError(
            Text(f'It is none of ours: `format` is not "{FORMAT}".', f"它不是本程序的文件：`format` 不是“{FORMAT}”。"),
            param="format",
        )
    version: object = archive.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InvalidRequestError(
            Text("`version` must be a whole number from 1 on.", "`version` 必须是不小于 1 的整数。"), param="version"
        )
    if version > VERSION:
        raise InvalidRequestError(
            Text(
                f"It was written by a newer version of this program (its `version` is above {VERSION}): update this "
                "one.",
                f"它由更新版本的本程序写成（其 `version` 大于 {VERSION}）：请升级本程序。",
            ),
            param="version",
        )
    return archive


def _refuse_empty_answers(conversation: Conversation) -> None:
    """A response always has a first choice, if only an empty one."""
    for place, turn in enumerate(conversation.turns):
        if not turn.answer.response.choices:
            where = f"conversation.turns[{place}].answer.response.choices"
            raise InvalidRequestError(Text(f"`{where}` is empty.", f"`{where}` 为空。"), param=where)


def _settled(turn: Turn, *, last: bool) -> Turn:
    """The turn, without an answer that nobody will go on with."""
    state = turn.answer.state
    if state is AnswerState.RUNNING or (state in UNSETTLED and not last):
        return replace(turn, answer=replace(turn.answer, state=AnswerState.STOPPED))
    return turn


def _turn(number: int, turn: Turn) -> Iterator[str]:
    yield f"## Question {number}"
    if turn.attachments:
        yield "\n".join(f"- File: {code_span(attachment.name) or '(no name)'}" for attachment in turn.attachments)
    if turn.question.strip():
        yield quoted(turn.question)
    answer = turn.answer
    yield f"## Answer {number}" + (f" ({code_span(answer.model)})" if answer.model.strip() else "")
    if answer.reasoning.strip():
        yield "<details><summary>Reasoning</summary>"
        yield quoted(answer.reasoning)
        yield "</details>"
    if answer.text.strip():
        yield bounded(answer.text)
    for call in answer.response.message.tool_calls:
        yield f"Tool call {code_span(call.name)}:"
        yield code_block(call.arguments)
    yield from _ending(answer)


def _ending(answer: Answer) -> Iterator[str]:
    match answer.state:
        case AnswerState.ASKED:
            yield "*(not sent yet)*"
        case AnswerState.RUNNING:
            yield "*(still being answered)*"
        case AnswerState.STOPPED:
            yield "*(stopped)*"
        case AnswerState.FAILED:
            kind = "unexpected" if answer.trouble is None else answer.trouble.kind.value
            yield f"*(failed: {plain(kind)})*"
            if answer.trouble is not None and answer.trouble.detail.strip():
                yield code_block(answer.trouble.detail)
        case AnswerState.COMPLETE:
            if not answer.text.strip():
                yield "*(nothing was said)*"

"""What the sandbox says: the same answer to the same question, in Chinese when asked in Chinese, else in English."""

import json
from dataclasses import dataclass

from adapters.sandbox.chat_messages import last_user_message
from adapters.sandbox.chat_requests import ChatCall
from adapters.sandbox.content_parts import Seen, seen_in, text_of
from adapters.sandbox.help_texts import HELP, HELP_ZH
from adapters.sandbox.json_mode import keys_asked_for, object_with
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.refusals import RefusedRequestError
from adapters.sandbox.schema_instances import UnsatisfiableSchemaError, instance_of
from adapters.sandbox.tokens import is_chinese
from adapters.sandbox.tool_choice import PlannedCall, planned_calls
from adapters.sandbox.world import REASONER

LONGEST_ECHO = 300
REFUSAL = "I'm sorry, but I can't help with that. (You asked the OCA Gateway sandbox for a refusal.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said before it is counted, cut and sent. One of `text`, `refusal` and `tool_calls`."""

    reasoning: str = ""
    text: str = ""
    refusal: str = ""
    tool_calls: tuple[PlannedCall, ...] = ()


def answer_to(call: ChatCall, *, refuses: bool = False) -> Answer:
    """Raises RefusedRequestError when a schema asks for what cannot be made."""
    if refuses:
        return Answer(refusal=REFUSAL)
    calls = planned_calls(call)
    reasoning = _reasoning(call, calls) if call.model == REASONER else ""
    if calls:
        return Answer(reasoning=reasoning, tool_calls=calls)
    if call.schema is not None:
        return Answer(reasoning=reasoning, text=_json_text(call, call.schema))
    return Answer(reasoning=reasoning, text=_text(call))


def plain_answer(text: str, *, seen: Seen | None = None) -> str:
    """The friendly echo of a text, and of what was shown with it."""
    said = _shortened(" ".join(text.split()))
    if is_chinese(text):
        lines = ["你好，这里是 OCA Gateway 沙盒！登录、令牌和流式传输都是真的，只有这个回答是按规则生成的。"]
        if said:
            lines.append(f"你说的是：“{said}”。")
        if seen:
            lines.append(f"我看到了 {told(seen, chinese=True)}。")
        lines.append("发送 /help 可以看看我还会什么。")
        return "".join(lines)
    lines = ["Hello from the OCA Gateway sandbox! The login and the stream are real; only this answer is made by rule."]
    if said:
        lines.append(f"You said: “{said}”.")
    if seen:
        lines.append(f"I see {told(seen, chinese=False)}.")
    lines.append("Send /help to see what else I can do.")
    return " ".join(lines)


def told(seen: Seen, *, chinese: bool) -> str:
    """What was shown, counted: "1 image, 1 recording and 2 documents (a.pdf, b.pdf)"."""
    counts = (seen.images, len(seen.recordings), len(seen.documents))
    names = ", ".join(_shortened(name) for name in seen.documents)
    if chinese:
        words = [f"{count} {word}" for count, word in zip(counts, ("张图片", "段录音", "份文档"), strict=True) if count]
        return _listed(words, "、", "和 ") + (f"（{names}）" if names else "")
    words = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in zip(counts, ("image", "recording", "document"), strict=True)
        if count
    ]
    return _listed(words, ", ", " and ") + (f" ({names})" if names else "")


def _listed(words: list[str], comma: str, last: str) -> str:
    return last.join([comma.join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _text(call: ChatCall) -> str:
    message = last_user_message(call.messages)
    text = text_of(message)
    if call.messages[-1]["role"] == "tool":
        return _text_on_results(call.messages, chinese=is_chinese(text))
    if text.strip().lower().startswith("/help"):
        return HELP_ZH if is_chinese(text) else HELP
    return plain_answer(text, seen=seen_in(message))


def _text_on_results(messages: tuple[JsonObject, ...], *, chinese: bool) -> str:
    asked_at = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    names = {call["id"]: call["function"]["name"] for call in messages[asked_at]["tool_calls"]}
    results = [
        _result(message, names[message["tool_call_id"]], chinese=chinese) for message in messages[asked_at + 1 :]
    ]
    if chinese:
        return f"{''.join(results)}（OCA Gateway 沙盒）"
    return f"{' '.join(results)} (OCA Gateway sandbox)"


def _result(message: JsonObject, name: str, *, chinese: bool) -> str:
    text, seen = _shortened(text_of(message)), seen_in(message)
    if chinese:
        said = [f"：{text}"] if text or not seen else []
        shown = [f"包含 {told(seen, chinese=True)}"] if seen else []
        return f"工具 {name} 的结果{'是' if said else ''}{'，'.join(said + shown)}。"
    said = [f": {text}"] if text or not seen else []
    shown = [f" with {told(seen, chinese=False)}"] if seen else []
    return f"The tool {name} answered{','.join(said + shown)}."


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"


def _reasoning(call: ChatCall, calls: tuple[PlannedCall, ...]) -> str:
    chinese = is_chinese(text_of(last_user_message(call.messages)))
    if calls:
        names = ", ".join(planned.name for planned in calls)
        return f"用户需要工具，我来调用 {names}。" if chinese else f"The user wants a tool, so I call {names}."
    if chinese:
        return "用户在和沙盒说话。我先想一想，再友好地回答。"
    return "The user is talking to the sandbox. I think for a moment, then I answer kindly."


def _json_text(call: ChatCall, schema: JsonObject) -> str:
    message = last_user_message(call.messages)
    text = text_of(message)
    if call.json_mode:
        keys = keys_asked_for((text, *(text_of(other) for other in call.messages)))
        return json.dumps(object_with(keys, plain_answer(text, seen=seen_in(message))), ensure_ascii=False)
    try:
        made = instance_of(schema, text)
    except UnsatisfiableSchemaError as error:
        raise RefusedRequestError(
            f"Invalid schema for response_format: {error}", param="response_format", code="invalid_json_schema"
        ) from error
    return json.dumps(made, ensure_ascii=False)

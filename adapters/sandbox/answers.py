"""What the sandbox says: the same answer to the same question, in Chinese when asked in Chinese, else in English."""

import json
from dataclasses import dataclass

from adapters.sandbox.chat_messages import images_in, last_user_message, text_of
from adapters.sandbox.chat_requests import ChatCall
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.refusals import RefusedRequestError
from adapters.sandbox.schema_instances import UnsatisfiableSchemaError, instance_of
from adapters.sandbox.tokens import is_chinese
from adapters.sandbox.tool_choice import PlannedCall, planned_calls
from adapters.sandbox.world import REASONER

LONGEST_ECHO = 300

_HELP = """\
This is the OCA Gateway sandbox. No model stands behind it: its answers are made by rule. What you can try:

- Say anything: I greet you and repeat it, in Chinese if you write Chinese.
- Offer a tool and name it: I call it, with arguments that fit its schema.
- Ask for a JSON schema: I answer with an instance of it.
- Choose the model sandbox-reasoner: I think aloud first.

Failures on request, as the whole message:

- /fail 429 (or another status from 400 to 599): that error, in OpenAI's shape
- /fail html: an error page from a proxy
- /fail bare: an error as {"code", "message"}
- /fail close: the connection closes without an answer
- /fail cut: the connection closes half-way
- /fail stall: half an answer, then silence
- /fail error-event: an error in the middle of a stream
- /fail garbage: something that is not JSON
- /fail no-done: a stream without its [DONE]
- /slow or /slow 2: a pause before every word, of half a second or as many as you say\
"""
_HELP_ZH = """\
这里是 OCA Gateway 沙盒。背后没有模型，回答都按规则生成。你可以试试：

- 随便说点什么：我会打招呼并复述，用中文问就用中文答。
- 提供一个工具并说出它的名字：我会按它的参数格式调用它。
- 要求 JSON schema：我会给出一个符合它的实例。
- 选择模型 sandbox-reasoner：我会先把思考过程说出来。

把下面任意一行作为整条消息发送，可以得到指定的故障：

- /fail 429（或 400 到 599 的其他状态码）：OpenAI 格式的错误
- /fail html：代理返回的错误页面
- /fail bare：{"code", "message"} 形式的错误
- /fail close：不作回答就断开连接
- /fail cut：回答到一半断开连接
- /fail stall：回答到一半就沉默
- /fail error-event：流式回答中途出现错误
- /fail garbage：不是 JSON 的内容
- /fail no-done：流式回答缺少 [DONE]
- /slow 或 /slow 2：每个词之前停顿半秒，或你指定的秒数\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said before it is counted, cut and sent. Either `text` or `tool_calls`."""

    reasoning: str = ""
    text: str = ""
    tool_calls: tuple[PlannedCall, ...] = ()


def answer_to(call: ChatCall) -> Answer:
    """Raises RefusedRequestError when a schema asks for what cannot be made."""
    calls = planned_calls(call)
    reasoning = _reasoning(call, calls) if call.model == REASONER else ""
    if calls:
        return Answer(reasoning=reasoning, tool_calls=calls)
    if call.schema is not None:
        return Answer(reasoning=reasoning, text=_json_text(call, call.schema))
    return Answer(reasoning=reasoning, text=_text(call))


def plain_answer(text: str, *, images: int = 0) -> str:
    """The friendly echo of a text."""
    said = _shortened(" ".join(text.split()))
    if is_chinese(text):
        lines = ["你好，这里是 OCA Gateway 沙盒！登录、令牌和流式传输都是真的，只有这个回答是按规则生成的。"]
        if said:
            lines.append(f"你说的是：“{said}”。")
        if images:
            lines.append(f"我看到了 {images} 张图片。")
        lines.append("发送 /help 可以看看我还会什么。")
        return "".join(lines)
    lines = ["Hello from the OCA Gateway sandbox! The login and the stream are real; only this answer is made by rule."]
    if said:
        lines.append(f"You said: “{said}”.")
    if images:
        lines.append(f"I see {images} image{'s' if images > 1 else ''}.")
    lines.append("Send /help to see what else I can do.")
    return " ".join(lines)


def _text(call: ChatCall) -> str:
    message = last_user_message(call.messages)
    text = text_of(message)
    if call.messages[-1]["role"] == "tool":
        return _text_on_results(call.messages, chinese=is_chinese(text))
    if text.strip().lower().startswith("/help"):
        return _HELP_ZH if is_chinese(text) else _HELP
    return plain_answer(text, images=images_in(message))


def _text_on_results(messages: tuple[JsonObject, ...], *, chinese: bool) -> str:
    asked_at = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    names = {call["id"]: call["function"]["name"] for call in messages[asked_at]["tool_calls"]}
    results = [(names[message["tool_call_id"]], _shortened(text_of(message))) for message in messages[asked_at + 1 :]]
    if chinese:
        told = "".join(f"工具 {name} 的结果是：{result}。" for name, result in results)
        return f"{told}（OCA Gateway 沙盒）"
    told = " ".join(f"The tool {name} answered: {result}." for name, result in results)
    return f"{told} (OCA Gateway sandbox)"


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
    try:
        made = instance_of(schema, text_of(last_user_message(call.messages)))
    except UnsatisfiableSchemaError as error:
        raise RefusedRequestError(
            f"Invalid schema for response_format: {error}", param="response_format", code="invalid_json_schema"
        ) from error
    return json.dumps(made, ensure_ascii=False)

"""What the sandbox says of itself when it is asked for `/help`."""

HELP = """\
This is the OCA Gateway sandbox. No model stands behind it: its answers are made by rule. What you can try:

- Say anything: I greet you and repeat it, in Chinese if you write Chinese.
- Show me images, recordings or documents: I check them and count them.
- Offer a tool and name it: I call it, with arguments that fit its schema; `f(1) and f(2)` are two calls.
- Ask for a JSON schema: I answer with an instance of it.
- Ask for plain JSON: I answer with the keys that you put in quotation marks.
- Choose the model sandbox-reasoner: I think aloud first.

Failures on request, as the whole message:

- /fail 429 (or another status from 400 to 599): that error, in OpenAI's shape
- /fail context: the error for a prompt that is too long
- /fail refusal: a refusal in place of an answer
- /fail html: an error page from a proxy
- /fail bare: an error as {"code", "message"}
- /fail close: the connection closes without an answer
- /fail cut: the connection closes half-way
- /fail truncate: the answer ends half-way as if it were whole
- /fail stall: half an answer, then silence
- /fail keep-alive: half an answer, then signs of life and nothing else
- /fail error-event: an error in the middle of a stream
- /fail garbage: something that is not JSON
- /fail no-done: a stream without its [DONE]
- /fail once 503 (or any of the above): only the first time that this very request comes, then an answer
- /slow or /slow 2: a pause before every word, of half a second or as many as you say\
"""
HELP_ZH = """\
这里是 OCA Gateway 沙盒。背后没有模型，回答都按规则生成。你可以试试：

- 随便说点什么：我会打招呼并复述，用中文问就用中文答。
- 发来图片、录音或文档：我会检查并数一数。
- 提供一个工具并说出它的名字：我会按它的参数格式调用它；`f(1) 和 f(2)` 是两次调用。
- 要求 JSON schema：我会给出一个符合它的实例。
- 要求普通 JSON：我会用你放在引号里的名字作为键来回答。
- 选择模型 sandbox-reasoner：我会先把思考过程说出来。

把下面任意一行作为整条消息发送，可以得到指定的故障：

- /fail 429（或 400 到 599 的其他状态码）：OpenAI 格式的错误
- /fail context：提示词过长的错误
- /fail refusal：拒绝回答
- /fail html：代理返回的错误页面
- /fail bare：{"code", "message"} 形式的错误
- /fail close：不作回答就断开连接
- /fail cut：回答到一半断开连接
- /fail truncate：回答到一半就结束，好像已经说完
- /fail stall：回答到一半就沉默
- /fail keep-alive：回答到一半，之后只有保持连接的空信号
- /fail error-event：流式回答中途出现错误
- /fail garbage：不是 JSON 的内容
- /fail no-done：流式回答缺少 [DONE]
- /fail once 503（或上面任何一种）：同一个请求第一次到达时才出故障，之后正常回答
- /slow 或 /slow 2：每个词之前停顿半秒，或你指定的秒数\
"""

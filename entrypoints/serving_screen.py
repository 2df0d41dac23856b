"""What `oca serve` and `oca demo` say when they are up."""

from config.renewals import renewal_endpoint
from config.settings import Settings
from domain.words import Text


def screen(settings: Settings, port: int, *, logged_in: bool = True) -> Text:
    """Where the server listens, and what stands behind it; whether there is a login yet."""
    host = f"[{settings.oca_host}]" if ":" in settings.oca_host else settings.oca_host
    address = f"http://{host}:{port}/v1"
    place = Text.of(settings.login_place)
    model, upstream = settings.llm_model_name, settings.llm_api_url
    login = renewal_endpoint(settings)
    if settings.llm_api_key is not None:
        kept = Text("none is needed: LLM_API_KEY", "不需要：LLM_API_KEY")
    elif not logged_in:
        kept = Text(
            f"none yet: callers get status 503 until somebody logs in: oca login --env-file {settings.env_file}",
            f"尚未登录：登录之前，调用者会收到状态码 503：oca login --env-file {settings.env_file}",
        )
    else:
        kept = Text(f"{login}, kept in {place.en}", f"{login}，保存在 {place.zh}")
    callers = Text("any program on this machine", "本机上的任何程序")
    if settings.oca_api_keys:
        callers = Text("need one of OCA_API_KEYS", "须出示 OCA_API_KEYS 之一")
    return Text(
        f"OCA Gateway listens on {address}\n"
        f"  model      {model} at {upstream}\n"
        f"  login      {kept.en}\n"
        f"  callers    {callers.en}\n"
        "Point any OpenAI client at this address. Ctrl-C stops.",
        f"OCA Gateway 正在监听 {address}\n"
        f"  模型       {model}，位于 {upstream}\n"
        f"  登录       {kept.zh}\n"
        f"  调用者     {callers.zh}\n"
        "把任意 OpenAI 客户端指向此地址即可。按 Ctrl-C 停止。",
    )


def sandbox_screen(port: int, page: str | None) -> Text:
    """The same of the sandbox, with what to try first; `page` is the address of the chat page."""
    root = f"http://127.0.0.1:{port}/v1"
    pages = Text("", "")
    if page is not None:
        pages = Text(f"The chat page is at {page} in a few seconds.\n", f"聊天页面几秒钟后可在 {page} 打开。\n")
    return Text(
        f"""
OCA Gateway listens on {root}
{pages.en}No account is configured, so the built-in SANDBOX answers: a small OAuth 2.0 server and a model that answers
by rule. Everything else (token renewal, streaming, errors) is the real thing.

Try it:

{_examples(root)}
Go on with a real account:

  oca config init           # asks for what it needs, and writes .env
  oca login

Ctrl-C stops.
""",
        f"""
OCA Gateway 正在监听 {root}
{pages.zh}没有配置账号，所以由内置沙盒（SANDBOX）应答：一个小型 OAuth 2.0 服务器，和一个按规则作答的模型。
其余一切（令牌续期、流式输出、错误处理）都是真实的。

试一试：

{_examples(root)}
使用真实账号：

  oca config init           # 询问所需信息，并写入 .env
  oca login

按 Ctrl-C 停止。
""",
    )


def _examples(root: str) -> str:
    return f"""  curl -N {root}/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"messages": [{{"role": "user", "content": "Hello!"}}], "stream": true}}'

  # pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="{root}", api_key="any")
  for chunk in client.chat.completions.create(
      model="sandbox-chat", messages=[{{"role": "user", "content": "Hello!"}}], stream=True
  ):
      print(chunk.choices[0].delta.content or "", end="", flush=True)
"""

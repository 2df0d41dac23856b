"""Every string of ours that the page shows, in English and in Chinese.

A field that one language lacks does not type-check; a test compares the placeholders of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from domain.conversation import TroubleKind

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What failed and why, and what to do next."""

    what: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The catalogue of one language. Strings are Markdown; `{names}` are filled by `str.format`."""

    language_name: str
    title: str
    sandbox_notice: str
    greeting: str
    input_placeholder: str
    language: str
    new_chat: str
    model: str
    model_help: str
    reload_models: str
    loading_models: str
    models_trouble: str
    model_missing: str
    system_prompt: str
    temperature: str
    temperature_help: str
    waiting: str
    answering: str
    reasoning: str
    stop: str
    regenerate: str
    retry: str
    stopped: str
    not_sent: str
    empty_answer: str
    length: str
    content_filter: str
    footer_time: str
    footer_tokens: str
    status: str
    retry_after: str
    upstream_words: str
    advice: Mapping[TroubleKind, Advice]


ENGLISH = Texts(
    language_name="English",
    title="OCA Gateway chat",
    sandbox_notice=(
        "**The built-in sandbox answers here**, not a real model: nothing is configured yet. To use your own account, "
        "copy `.env.example` to `.env`, fill in the values, and start the page again."
    ),
    greeting="Ask something to begin.",
    input_placeholder="Your message",
    language="Language",
    new_chat="New chat",
    model="Model",
    model_help="Choose from the list, or type any name.",
    reload_models="Reload the list",
    loading_models="Loading the models…",
    models_trouble="The list of models could not be had, so only the default model is listed. Any name may be typed.",
    model_missing="The default model {model} is not in the list of the model server. It can be used all the same.",
    system_prompt="System prompt",
    temperature="Temperature",
    temperature_help="Low answers are steady, high ones varied.",
    waiting="Waiting for the answer… {seconds} s",
    answering="Answering… {seconds} s",
    reasoning="Reasoning",
    stop="Stop",
    regenerate="Regenerate",
    retry="Retry",
    stopped="Stopped. The answer is incomplete.",
    not_sent="This message has not been sent.",
    empty_answer="The model gave an empty answer.",
    length="The answer was cut at the token limit.",
    content_filter="The answer was cut by a content filter.",
    footer_time="{seconds} s",
    footer_tokens="tokens: {input} in, {output} out",
    status="status {status}",
    retry_after="It may work again in {seconds} s.",
    upstream_words="Details:",
    advice=MappingProxyType(
        {
            TroubleKind.LOGIN_REQUIRED: Advice(
                what="The login is missing or no longer accepted.",
                next_step="Put a new refresh token into `.env` as `OAUTH_REFRESH_TOKEN`, then retry.",
            ),
            TroubleKind.LOGIN_MISCONFIGURED: Advice(
                what="The authorization server refused this client.",
                next_step="Check `OAUTH_CLIENT_ID` and `OAUTH_HOST` in `.env`, then start again.",
            ),
            TroubleKind.LOGIN_UNAVAILABLE: Advice(
                what="The login could not be renewed just now.",
                next_step="Check the network and retry in a moment; nothing is lost.",
            ),
            TroubleKind.LOGIN_STORE: Advice(
                what="The file that holds the login cannot be read or written.",
                next_step="Check the rights and the free space of the folder of `.env`, then retry.",
            ),
            TroubleKind.BAD_REQUEST: Advice(
                what="The model server refused the request.",
                next_step="Check the model's name and the settings on the left, or start a new chat.",
            ),
            TroubleKind.NOT_ALLOWED: Advice(
                what="The model server does not allow this with your account.",
                next_step="Choose another model, or ask the operator of the model server for access.",
            ),
            TroubleKind.NOT_FOUND: Advice(
                what="The model server does not know this model or this address.",
                next_step="Choose another model on the left, or check `LLM_API_URL` in `.env`.",
            ),
            TroubleKind.TOO_LARGE: Advice(
                what="The conversation is too large for the model server.",
                next_step="Start a new chat, or send a shorter message.",
            ),
            TroubleKind.TOO_MANY_REQUESTS: Advice(
                what="The model server has had too many requests.",
                next_step="Wait a little, then retry.",
            ),
            TroubleKind.UPSTREAM_FAILING: Advice(
                what="The model server failed.",
                next_step="Retry in a moment; if it stays, choose another model or tell its operator.",
            ),
            TroubleKind.UNREACHABLE: Advice(
                what="The model server could not be reached.",
                next_step="Check the network, `LLM_API_URL` and `HTTP_PROXY_URL` in `.env`, then retry.",
            ),
            TroubleKind.TIMEOUT: Advice(
                what="The model server took too long.",
                next_step="Retry; a longer `LLM_REQUEST_TIMEOUT` in `.env` waits longer.",
            ),
            TroubleKind.NOT_UNDERSTOOD: Advice(
                what="The model server's answer cannot be understood.",
                next_step="Check that `LLM_API_URL` in `.env` is the full address of an OpenAI-style chat API.",
            ),
            TroubleKind.TOKEN_REJECTED: Advice(
                what="The model server refused a login that had just been renewed.",
                next_step="Check in `.env` that `OAUTH_CLIENT_ID` and `LLM_API_URL` belong together.",
            ),
            TroubleKind.INTERRUPTED: Advice(
                what="The answer broke off before its end.",
                next_step="Retry to get a whole answer.",
            ),
            TroubleKind.UNEXPECTED: Advice(
                what="Something failed that should not fail.",
                next_step="Retry; if it stays, report it together with the log, which tells more.",
            ),
        }
    ),
)

CHINESE = Texts(
    language_name="中文",
    title="OCA Gateway 对话",
    sandbox_notice=(
        "**当前由内置沙盒作答**，并非真实模型：尚未进行任何配置。要使用自己的账号，请将 `.env.example` 复制为 `.env`，"
        "填写其中各项，然后重新启动本页面。"
    ),
    greeting="输入一个问题，开始对话。",
    input_placeholder="输入消息",
    language="语言",
    new_chat="新对话",
    model="模型",
    model_help="从列表中选择，也可以输入任意名称。",
    reload_models="刷新列表",
    loading_models="正在获取模型列表…",
    models_trouble="无法获取模型列表，因此只列出默认模型。仍可输入任意模型名称。",
    model_missing="默认模型 {model} 不在模型服务器的列表中，但仍可使用。",
    system_prompt="系统提示词",
    temperature="温度",
    temperature_help="数值越低，回答越稳定；数值越高，回答越多样。",
    waiting="正在等待回答… {seconds} 秒",
    answering="正在回答… {seconds} 秒",
    reasoning="思考过程",
    stop="停止",
    regenerate="重新生成",
    retry="重试",
    stopped="已停止，回答不完整。",
    not_sent="这条消息尚未发送。",
    empty_answer="模型返回了空回答。",
    length="回答达到 token 上限，已被截断。",
    content_filter="回答被内容过滤器截断。",
    footer_time="{seconds} 秒",
    footer_tokens="token 数：输入 {input}，输出 {output}",
    status="状态码 {status}",
    retry_after="大约 {seconds} 秒后可能恢复。",
    upstream_words="详细信息：",
    advice=MappingProxyType(
        {
            TroubleKind.LOGIN_REQUIRED: Advice(
                what="尚未登录，或登录已失效。",
                next_step="请将新的刷新令牌填入 `.env` 的 `OAUTH_REFRESH_TOKEN`，然后重试。",
            ),
            TroubleKind.LOGIN_MISCONFIGURED: Advice(
                what="授权服务器拒绝了本客户端。",
                next_step="请检查 `.env` 中的 `OAUTH_CLIENT_ID` 和 `OAUTH_HOST`，然后重新启动。",
            ),
            TroubleKind.LOGIN_UNAVAILABLE: Advice(
                what="暂时无法刷新登录。",
                next_step="请检查网络，稍后重试；登录信息不会丢失。",
            ),
            TroubleKind.LOGIN_STORE: Advice(
                what="无法读取或写入保存登录信息的文件。",
                next_step="请检查 `.env` 所在文件夹的权限和剩余空间，然后重试。",
            ),
            TroubleKind.BAD_REQUEST: Advice(
                what="模型服务器拒绝了该请求。",
                next_step="请检查左侧的模型名称和设置，或开始新对话。",
            ),
            TroubleKind.NOT_ALLOWED: Advice(
                what="模型服务器不允许当前账号执行此操作。",
                next_step="请选择其他模型，或向模型服务器的管理员申请权限。",
            ),
            TroubleKind.NOT_FOUND: Advice(
                what="模型服务器上没有该模型或该地址。",
                next_step="请在左侧选择其他模型，或检查 `.env` 中的 `LLM_API_URL`。",
            ),
            TroubleKind.TOO_LARGE: Advice(
                what="对话内容超出了模型服务器的大小限制。",
                next_step="请开始新对话，或发送较短的消息。",
            ),
            TroubleKind.TOO_MANY_REQUESTS: Advice(
                what="发往模型服务器的请求过于频繁。",
                next_step="请稍候片刻，然后重试。",
            ),
            TroubleKind.UPSTREAM_FAILING: Advice(
                what="模型服务器出错。",
                next_step="请稍后重试；如果仍然失败，请选择其他模型或联系其管理员。",
            ),
            TroubleKind.UNREACHABLE: Advice(
                what="无法连接模型服务器。",
                next_step="请检查网络以及 `.env` 中的 `LLM_API_URL` 和 `HTTP_PROXY_URL`，然后重试。",
            ),
            TroubleKind.TIMEOUT: Advice(
                what="模型服务器响应超时。",
                next_step="请重试；也可以在 `.env` 中调大 `LLM_REQUEST_TIMEOUT`。",
            ),
            TroubleKind.NOT_UNDERSTOOD: Advice(
                what="无法理解模型服务器的回答。",
                next_step="请检查 `.env` 中的 `LLM_API_URL` 是否为 OpenAI 风格对话接口的完整地址。",
            ),
            TroubleKind.TOKEN_REJECTED: Advice(
                what="模型服务器拒绝了刚刚刷新的登录。",
                next_step="请检查 `.env` 中的 `OAUTH_CLIENT_ID` 与 `LLM_API_URL` 是否匹配。",
            ),
            TroubleKind.INTERRUPTED: Advice(
                what="回答在完成之前中断。",
                next_step="请重试，以获得完整的回答。",
            ),
            TroubleKind.UNEXPECTED: Advice(
                what="发生了意外错误。",
                next_step="请重试；如果仍然失败，请附上日志报告此问题，日志中有更多信息。",
            ),
        }
    ),
)

CATALOGUE: Mapping[Language, Texts] = MappingProxyType({"en": ENGLISH, "zh": CHINESE})


def language_for(wanted: str | None, browser_locale: str | None) -> Language:
    """The language asked for in the address, else the browser's (a tag of RFC 5646 such as `zh-CN`), else English."""
    for tag in (wanted, browser_locale):
        match (tag or "").lower().replace("_", "-").split("-")[0]:
            case "zh":
                return "zh"
            case "en":
                return "en"
            case _:
                continue
    return "en"


def as_code(name: str) -> str:
    """A foreign name as Markdown that shows it letter by letter."""
    return "`" + name.replace("`", "'") + "`"

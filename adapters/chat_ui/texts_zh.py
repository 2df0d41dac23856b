"""The page in Chinese."""

from types import MappingProxyType

from adapters.chat_ui.attachments import AttachmentProblem
from adapters.chat_ui.catalogue import Advice, Texts
from domain.conversation import TroubleKind
from domain.words import Language

CHINESE = Texts(
    spoken=Language.CHINESE,
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
    conversations="对话列表",
    search="搜索",
    nothing_found="没有包含这些文字的对话。",
    untitled="新对话",
    actions="对此对话的操作",
    rename="重命名",
    new_name="对话名称",
    delete="删除",
    deleted="已删除“{title}”。",
    undo="撤销",
    export="导出",
    export_markdown="导出为 Markdown",
    export_json="导出为 JSON",
    import_conversation="导入 JSON 文件",
    import_failed="无法导入 {name}。",
    save="保存",
    cancel="取消",
    parameters="参数",
    max_tokens="回答的最大 token 数",
    top_p="Top-p（核采样）",
    reasoning_effort="推理强度",
    not_set="未设置",
    edit="编辑",
    resend="重新发送",
    resend_note="此消息之后的内容将被替换。",
    copy="复制",
    copied="已复制",
    copy_details="复制详细信息",
    tool_calls="工具调用",
    file_problems=MappingProxyType(
        {
            AttachmentProblem.TOO_LARGE: "{name} 过大：最多可发送 {limit}。",
            AttachmentProblem.UNKNOWN_TYPE: (
                "不支持 {name} 的类型。可以发送图片（PNG、JPEG、GIF、WebP）、PDF、文本文件和录音（WAV、MP3）。"
            ),
            AttachmentProblem.EMPTY: "{name} 是空文件。",
            AttachmentProblem.UNREADABLE: "{name} 无法作为文本读取。",
            AttachmentProblem.TOO_MANY: "文件太多：一条消息最多附带 {limit} 个文件。",
        }
    ),
    file_hint="尚未发送任何内容。您的消息保留在这里：请复制后去掉该文件或换一个文件重新发送。",
    login_until="登录有效至 {time}",
    login_renewed_now="刚刚续期",
    login_renewed="{minutes} 分钟前续期",
    login_next_question="下一次提问时会自动续期",
    login_needed="需要登录",
    login_key="使用固定密钥登录",
    login_trouble="无法读取登录状态",
    not_saved="此对话未能保存，目前只保留在本标签页中。",
    copy_of_tab="此对话已在别处被修改。您看到的内容已另存为一个新的对话。",
    shortcuts="快捷键：Alt+N 新对话，Alt+G 重新生成，Alt+Shift+C 复制最后的回答。",
    footer_first_word="首字 {seconds} 秒",
    footer_speed="{rate} token/秒",
    advice=MappingProxyType(
        {
            TroubleKind.LOGIN_REQUIRED: Advice(
                what="尚未登录，或登录已失效。",
                next_step="请用 `oca login` 重新登录（或将新的刷新令牌填入 `.env` 的 "
                "`OAUTH_REFRESH_TOKEN`），然后重试。",
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
                what="模型服务器的该地址上没有任何内容。",
                next_step="请检查 `.env` 中 `LLM_API_URL` 的主机和完整路径。",
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
            TroubleKind.HOST_UNKNOWN: Advice(
                what="无法解析服务器的主机名（DNS）。",
                next_step="请检查 `.env` 中 `LLM_API_URL` 和 `OAUTH_HOST` 的主机名，以及运行本页面的机器的 DNS 设置和 "
                "VPN，然后重试。",
            ),
            TroubleKind.PROXY_DOWN: Advice(
                what="代理服务器没有响应。",
                next_step="请检查 `.env` 中 `HTTP_PROXY_URL` 的主机和端口，或删除该项，然后重新启动。",
            ),
            TroubleKind.PROXY_LOGIN: Advice(
                what="代理服务器要求登录，或用户名、密码有误（407）。",
                next_step="请把用户名和密码写入 `.env` 中的 `HTTP_PROXY_URL`，例如 "
                "`http://user:password@proxy.example.com:3128`，然后重新启动。",
            ),
            TroubleKind.PROXY_REFUSED: Advice(
                what="代理服务器不允许访问该服务器。",
                next_step="请检查 `.env` 中的 `HTTP_PROXY_URL`，或询问代理服务器的管理员。",
            ),
            TroubleKind.CERTIFICATE_UNTRUSTED: Advice(
                what="服务器证书的签发机构在此不受信任。",
                next_step="请把公司的 CA 证书文件（PEM）写入 `.env` 中的 `EXTRA_CA_CERTS`，然后重新启动。",
            ),
            TroubleKind.CERTIFICATE_EXPIRED: Advice(
                what="服务器的证书已过期。",
                next_step="请检查运行本页面的机器的时钟；如果时钟正确，则须由该服务器的管理员更新证书。",
            ),
            TroubleKind.CERTIFICATE_OF_ANOTHER: Advice(
                what="服务器的证书属于另一台主机。",
                next_step="请检查 `.env` 中 `LLM_API_URL` 和 `OAUTH_HOST` 的主机名。",
            ),
            TroubleKind.CLOCK_WRONG: Advice(
                what="运行本页面的机器的时钟很可能不准：证书尚未生效。",
                next_step="请校准时钟，最好启用时间同步，然后重试。",
            ),
            TroubleKind.NO_CONNECTION_IN_TIME: Advice(
                what="未能在限定时间内建立连接。",
                next_step="请检查网络和 `LLM_API_URL`，然后重试；"
                "如果网络较慢，请在 `.env` 中调大 `CONNECTION_TIMEOUT`。",
            ),
            TroubleKind.MODEL_UNKNOWN: Advice(
                what="模型服务器上没有该模型。",
                next_step="请在左侧选择其他模型；详细信息中列出了相近的名称。",
            ),
            TroubleKind.TIMEOUT: Advice(
                what="模型服务器响应超时。",
                next_step="请重试；也可以在 `.env` 中调大 `LLM_REQUEST_TIMEOUT`。",
            ),
            TroubleKind.NOT_UNDERSTOOD: Advice(
                what="无法理解模型服务器的回答。",
                next_step="请检查 `.env` 中的 `LLM_API_URL` 是否为 OpenAI 风格对话接口的完整地址，"
                "以及网络是否要求先登录。",
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

"""The help of every command in Chinese, by the English words that stand in the code."""

HEADINGS = {"Arguments": "参数", "Options": "选项", "Commands": "命令"}

# Those of options stay as they are: Typer aligns by the number of characters, and these are twice as wide.
METAVARS: dict[str | None, str] = {"[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 [参数]..."}

HELP: dict[str, str] = {
    # The group, and what every command has.
    "Keep an OAuth 2.0 login alive and give the chat model behind it to any OpenAI client.": (
        "维持 OAuth 2.0 登录，并把其后的聊天模型提供给任意 OpenAI 客户端。"
    ),
    "Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 login needed, 5 cannot reach, 6 upstream error, "
    "130 interrupted.": (
        "退出码：0 完成，1 失败，2 用法错误，3 配置错误，4 需要登录，5 无法连接，6 上游返回错误，130 被中断。"
    ),
    "Show the version and exit.": "显示版本号并退出。",
    "Language of the messages: en or zh.": "消息的语言：en 或 zh。",
    "OCA_LANG, else the locale": "OCA_LANG，否则取系统区域设置",
    "Install completion for the current shell.": "为当前 shell 安装自动补全。",
    "Show completion for the current shell, to copy it or customize the installation.": (
        "显示当前 shell 的自动补全脚本，以便复制或自定义安装。"
    ),
    "Show this message and exit.": "显示本帮助并退出。",
    "The .env file: settings and tokens.": ".env 文件：配置和令牌。",
    "OCA_ENV_FILE, else ./.env": "OCA_ENV_FILE，否则 ./.env",
    "One JSON document instead of text.": "输出一个 JSON 文档，而不是文本。",
    # serve, ui, demo
    "Serve the OpenAI-compatible API for the account in .env.": "为 .env 中的账号提供 OpenAI 兼容的 API。",
    "Address to listen on.": "监听的地址。",
    "OCA_HOST, else 127.0.0.1": "OCA_HOST，否则 127.0.0.1",
    "Port to listen on.": "监听的端口。",
    "OCA_PORT, else 8000": "OCA_PORT，否则 8000",
    "Processes; they share one login.": "进程数；所有进程共用一个登录。",
    "Serve the sandbox when no account is configured at all.": "完全没有配置账号时，提供沙盒服务。",
    "Serve the chat page on this machine; on the sandbox while no account is configured.": (
        "在本机提供聊天页面；没有配置账号时使用沙盒。"
    ),
    "Serve the built-in sandbox and the chat page on it: no account needed, everything else is real.": (
        "提供内置沙盒及其聊天页面：无需账号，其余一切都是真实的。"
    ),
    "Port of the chat page.": "聊天页面的端口。",
    "Serve the API alone.": "只提供 API。",
    # token, status, models
    "Print a valid access token and nothing else; safe beside running servers.": (
        "只输出一个有效的访问令牌；可与运行中的服务器同时使用。"
    ),
    "How long the token must last at least.": "令牌至少还要有效多久。",
    "Show where the login stands and what has happened to it; asks no server, prints no token.": (
        "显示登录的状态和经历；不请求任何服务器，也不输出令牌。"
    ),
    "List the models on offer: context window, prices per million tokens, APIs; the default is marked.": (
        "列出可用的模型：上下文窗口、每百万 token 的价格、接口；默认模型有标记。"
    ),
    # chat
    "Ask the model, or talk with it; on the sandbox while no account is configured.": (
        "向模型提问，或与它对话；没有配置账号时使用沙盒。"
    ),
    "The question; standard input goes with it. Without either, a conversation.": (
        "问题；标准输入会一并发送。两者都没有时，进入对话。"
    ),
    "The model to ask.": "要提问的模型。",
    "LLM_MODEL_NAME": "LLM_MODEL_NAME",
    "The system prompt.": "系统提示词。",
    "LLM_SYSTEM_PROMPT, if set": "LLM_SYSTEM_PROMPT，如果已设置",
    "A picture, as file or address; may be given several times.": "图片，可以是文件或网址；可多次给出。",
    "Show streaming, a whole answer, and streaming in asyncio, in turn.": (
        "依次演示流式输出、完整回答，以及 asyncio 中的流式输出。"
    ),
    # login, logout, doctor
    "Log in and keep the login in .env; running servers pick it up at once.": (
        "登录，并把登录保存在 .env 中；运行中的服务器会立即采用。"
    ),
    "By the browser of this machine, also over SSH or without a display.": (
        "使用本机的浏览器，即使在 SSH 中或没有显示器。"
    ),
    "As --browser, but only print the address, and open nothing.": "同 --browser，但只输出网址，不打开浏览器。",
    "By a code that is entered on any other device.": "使用一个代码，在任意其他设备上输入。",
    "By the browser of another machine, whose last address is pasted here.": (
        "使用另一台机器的浏览器，把其最后的网址粘贴到这里。"
    ),
    "By a refresh token on standard input, which is tried first.": "使用标准输入中的刷新令牌，并先行验证。",
    "What sort of server it is: oidc or idcs.": "服务器的类型：oidc 或 idcs。",
    "OAUTH_PRESET": "OAUTH_PRESET",
    "Forget the login; the settings in .env stay.": "清除登录；.env 中的配置保留。",
    "Have the server end the login first.": "先让服务器终止此登录。",
    "Check settings, network, TLS, login, model and streaming; say what mends each fault. Prints no secret.": (
        "检查配置、网络、TLS、登录、模型和流式输出；指出每个故障的解决办法。不输出任何机密。"
    ),
    "Look at this machine only; ask no server.": "只检查本机，不请求任何服务器。",
    # connect
    "Print a client's configuration for this gateway, or write it into the client's file; asks no server.": (
        "输出某个客户端连接本网关所需的配置，或写入该客户端的文件；不请求任何服务器。"
    ),
    "openai, langchain, codex, claude-code, aider, continue, cline, opencode, open-webui or llm; without it, they are "
    "listed.": (
        "openai、langchain、codex、claude-code、aider、continue、cline、opencode、open-webui 或 llm；不给出时列出全部。"
    ),
    "The model to use.": "要使用的模型。",
    "The gateway's address.": "网关的地址。",
    "made of OCA_HOST and OCA_PORT": "由 OCA_HOST 和 OCA_PORT 得出",
    "Edit the client's file; it is backed up first.": "修改客户端的文件；修改前先备份。",
    "Take back what --write did.": "撤销 --write 所做的修改。",
    "Another file than the client's own.": "改用其他文件，而不是客户端默认的文件。",
    "Write without being asked.": "不经询问直接写入。",
    # config
    "Look at the settings in .env and change them; tokens stay as they are.": (
        "查看和修改 .env 中的配置；令牌保持不变。"
    ),
    "Fill in .env step by step: every answer is tested, and the difference shown before it is written.": (
        "逐步填写 .env：每个答案都会测试，写入前会显示差异。"
    ),
    "An answer given in advance; may be repeated.": "预先给出的答案；可多次给出。",
    "Ask no server whether the answers work.": "不向服务器验证答案是否有效。",
    "Ask nothing: take what there is and what --set gives.": "不提问：采用已有的值和 --set 给出的值。",
    "Show what each setting is, and whether that comes from the file, the environment or the defaults.": (
        "显示每个配置项的值，以及它来自文件、环境变量还是默认值。"
    ),
    "The settings to show; without one, all of them.": "要显示的配置项；不给出时显示全部。",
    "Print secrets too, and not just their fingerprints.": "也输出机密值，而不只是其指纹。",
    "Check values and write them into .env, safely beside running servers; everything else in it stays as it is.": (
        "检查配置值并写入 .env，可与运行中的服务器同时使用；文件的其余内容保持不变。"
    ),
    "Settings and their values; or one KEY and a VALUE.": "配置项及其值；或者一个键和一个值。",
    "A setting to leave empty.": "要清空的配置项。",
    "Print where the settings file is.": "输出配置文件的位置。",
}

"""All clients that `oca connect` knows."""

from adapters.client_configs.aider import aider
from adapters.client_configs.claude_code import claude_code
from adapters.client_configs.cline import cline
from adapters.client_configs.codex import codex
from adapters.client_configs.continue_dev import continue_dev
from adapters.client_configs.llm import llm
from adapters.client_configs.open_webui import open_webui
from adapters.client_configs.openai_sdk import langchain, openai
from adapters.client_configs.opencode import opencode
from adapters.client_configs.recipe import Client

CLIENTS = {
    client.name: client
    for client in (
        Client(name="openai", title="OpenAI SDKs", recipe=openai),
        Client(name="langchain", title="LangChain", recipe=langchain),
        Client(name="codex", title="Codex", recipe=codex),
        Client(name="claude-code", title="Claude Code", recipe=claude_code),
        Client(name="aider", title="aider", recipe=aider),
        Client(name="continue", title="Continue", recipe=continue_dev),
        Client(name="cline", title="Cline", recipe=cline),
        Client(name="opencode", title="opencode", recipe=opencode),
        Client(name="open-webui", title="Open WebUI", recipe=open_webui),
        Client(name="llm", title="llm", recipe=llm),
    )
}

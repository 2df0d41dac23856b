"""The chat page as a Streamlit script: `streamlit run entrypoints/ui.py`.

Streamlit runs this file anew at every click; what lasts is built once per process. Where no account is configured the
sandbox answers.
"""

import atexit
import logging
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

# Streamlit puts this folder on the path and not the one above, which matters when the project is not installed.
sys.path.append(str(Path(__file__).resolve().parent.parent))

import streamlit as st

from adapters.chat_ui.page import PageDefaults, draw_page
from adapters.chat_ui.sidebar import chosen_texts
from config.container import build_container
from config.environment import nothing_configured
from config.logging import configure_logging
from config.settings import Settings, load_settings
from domain.errors import ConfigurationError
from entrypoints.sandboxed import sandboxed_settings
from ports.conversation_store import ConversationStore
from ports.gateway import AsyncChat, ChatGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What every session shares."""

    gateway: ChatGateway
    chat: AsyncChat
    store: ConversationStore
    defaults: PageDefaults


@st.cache_resource(show_spinner=False)
def served() -> Served:
    """The gateway of this process, over the account in `.env` or over a sandbox that lives as long as the process."""
    sandbox = nothing_configured()
    lasting = ExitStack()
    atexit.register(lasting.close)
    settings = lasting.enter_context(sandboxed_settings()) if sandbox else load_settings()
    configure_logging(settings.log_level, settings.log_format)
    # A line for each script and font that the browser fetches tells nothing.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    container = build_container(settings)
    gateway = container.blocking_gateway()
    if settings.idle_limit is not None:
        arguments = (settings.idle_limit, threading.Event())
        threading.Thread(target=gateway.keep_login_alive, args=arguments, name="oca-keep-alive", daemon=True).start()
    return Served(
        gateway=gateway,
        chat=container.asyncio_chat(),
        store=container.conversation_store(),
        defaults=_defaults(settings, sandbox=sandbox),
    )


def _defaults(settings: Settings, *, sandbox: bool) -> PageDefaults:
    return PageDefaults(
        model=settings.llm_model_name or "",
        system_prompt=settings.llm_system_prompt,
        temperature=settings.llm_temperature,
        sandbox=sandbox,
        mend=settings.mend,
    )


def main() -> None:
    """Draw the page, or say what is wrong with the settings."""
    try:
        shared = served()
    except ConfigurationError as error:
        texts = chosen_texts()
        st.error("\n\n".join(texts.told(each) for each in error.problems))
        return
    draw_page(shared.gateway, shared.chat, shared.store, shared.defaults)


if __name__ == "__main__":
    main()

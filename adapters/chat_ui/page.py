"""The chat page: one script run from top to bottom. It draws; what is true is in `conversation`."""

from typing import cast

import streamlit as st

from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.sidebar import PageDefaults, chosen_texts, draw_sidebar
from adapters.chat_ui.turns import RunningTurn, draw_last_actions, draw_turn
from domain.conversation import Conversation
from ports.gateway import AsyncChat, ChatGateway

__all__ = ["PageDefaults", "draw_page"]


def draw_page(gateway: ChatGateway, defaults: PageDefaults, chat: AsyncChat) -> None:
    """Draw the page for this session, and stream the answer to a question that waits.

    To be called from a Streamlit script; `gateway` and `chat` are shared by all sessions, all else is the session's own.
    """
    texts = chosen_texts()
    # No icon: Streamlit would have the browser fetch it from a foreign host.
    st.set_page_config(page_title=texts.title)
    session = _session()
    # An answer that still runs belongs to a run that this one has overtaken.
    session.change(Conversation.interrupted)
    settings = draw_sidebar(gateway, session, defaults, texts)
    if defaults.sandbox:
        st.info(texts.sandbox_notice, icon=":material/science:")
    above_input = st.bottom.container()
    question = st.chat_input(texts.input_placeholder, key="question", submit_mode="stop")
    if question and question.strip():
        session.change(lambda conversation: conversation.asked(question))
    running = session.claim(settings.model)
    turns = session.conversation.turns
    if not turns:
        st.caption(texts.greeting)
    for turn in turns[:-1] if running else turns:
        draw_turn(turn, texts)
    if running is None:
        draw_last_actions(session, texts)
        return
    if not question:
        # The input's own stop button shows only while the run lasts that the input has started. Ours stands beside it,
        # where the growing answer cannot push it away. The click itself starts another run, which ends this one.
        above_input.button(texts.stop, key="stop", icon=":material/stop_circle:")
    RunningTurn(turn=running, session=session, chat=chat, settings=settings, texts=texts).draw()
    # From here on the answer is drawn like any other.
    st.rerun()


def _session() -> ChatSession:
    return cast("ChatSession", st.session_state.setdefault("chat", ChatSession()))

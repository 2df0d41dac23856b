"""The chat page: one script run from top to bottom. It draws; what is true is in `domain.conversation`."""

from collections.abc import Sequence
from typing import cast

import streamlit as st

from adapters.chat_ui.attachments import ACCEPTED_TYPES, AttachmentError, GivenFile, attach_all
from adapters.chat_ui.conversations import ConversationList
from adapters.chat_ui.running import RunningTurn
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.sidebar import PageDefaults, chosen_texts, draw_sidebar
from adapters.chat_ui.texts import Texts
from adapters.chat_ui.turns import draw_turn
from domain.conversation import Conversation
from ports.conversation_store import ConversationStore
from ports.gateway import AsyncChat, ChatGateway

__all__ = ["PageDefaults", "draw_page"]


def draw_page(gateway: ChatGateway, chat: AsyncChat, store: ConversationStore, defaults: PageDefaults) -> None:
    """Draw the page for this session, and stream the answer to a question that waits.

    To be called from a Streamlit script; gateway, chat and store are shared by all sessions, everything else is the
    session's own.
    """
    texts = chosen_texts()
    # No icon: Streamlit would have the browser fetch it from a foreign host.
    st.set_page_config(page_title=texts.title)
    session = _session(store)
    conversations = ConversationList(store=store, session=session)
    conversations.open_from_address()
    # An answer that still runs belongs to a run that this one has overtaken.
    session.change(Conversation.interrupted)
    settings = draw_sidebar(gateway, session, conversations, defaults, texts)
    if defaults.sandbox:
        st.info(texts.sandbox_notice, icon=":material/science:")
    above_input = st.bottom.container()
    said = st.chat_input(
        texts.input_placeholder,
        key="question",
        submit_mode="stop",
        accept_file="multiple",
        file_type=list(ACCEPTED_TYPES),
    )
    if said is not None:
        _ask(session, said.text, said.files)
    running = session.claim(settings.model)
    conversations.keep_in_address()
    turns = session.conversation.turns
    if not turns:
        st.caption(texts.greeting)
    for place, turn in enumerate(turns[:-1] if running else turns):
        draw_turn(place, turn, session, texts)
    _draw_unsent(texts)
    if running is None:
        return
    if said is None:
        # The input's own stop button shows only while the run lasts that the input has started. Ours stands beside it,
        # where the growing answer cannot push it away. The click itself starts another run, which ends this one.
        above_input.button(texts.stop, key="stop", icon=":material/stop_circle:")
    RunningTurn(turn=running, session=session, chat=chat, settings=settings, texts=texts).draw()
    # From here on the answer is drawn like any other.
    st.rerun()


def _session(store: ConversationStore) -> ChatSession:
    if "chat" not in st.session_state:
        st.session_state["chat"] = ChatSession(store)
    return cast("ChatSession", st.session_state["chat"])


def _ask(session: ChatSession, text: str, files: Sequence[GivenFile]) -> None:
    """Put a question, or keep it where it can be seen when its files cannot be sent."""
    st.session_state.pop("unsent", None)
    try:
        attachments = attach_all(files)
    except AttachmentError as error:
        st.session_state["unsent"] = (error, text)
        return
    if text.strip() or attachments:
        session.change(lambda conversation: conversation.asked(text, attachments))


def _draw_unsent(texts: Texts) -> None:
    unsent: tuple[AttachmentError, str] | None = st.session_state.get("unsent")
    if unsent is None:
        return
    error, text = unsent
    st.error(texts.file_problems[error.kind].format(name=error.name, limit=error.limit), icon=":material/attach_file:")
    st.caption(texts.file_hint)
    if text.strip():
        st.code(text, language=None, wrap_lines=True)

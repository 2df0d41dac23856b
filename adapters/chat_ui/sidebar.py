"""The sidebar: the conversations, and what goes with the questions of the one at hand."""

from dataclasses import dataclass
from typing import cast

import streamlit as st

from adapters.chat_ui.conversations import ConversationList
from adapters.chat_ui.login_badge import draw_login_badge
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import CATALOGUE, Language, Texts, as_code, language_for
from domain.conversation import Conversation, PromptSettings
from domain.words import Text
from ports.gateway import ChatGateway, ModelList

LANGUAGE_PARAM = "lang"
EFFORTS = ("minimal", "low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDefaults:
    """What a new session starts with.

    An empty `model` means the first one listed. `sandbox` is True when the built-in sandbox answers. `mend` is how to
    log in again, as a sentence.
    """

    model: str
    system_prompt: str
    temperature: float
    sandbox: bool
    mend: str | Text = ""


def chosen_texts() -> Texts:
    """The language of this session: its own choice, else the address's, else the browser's."""
    if "language" not in st.session_state:
        st.session_state["language"] = language_for(st.query_params.get(LANGUAGE_PARAM), st.context.locale)
    return CATALOGUE[cast("Language", st.session_state["language"])]


def draw_sidebar(
    gateway: ChatGateway, session: ChatSession, conversations: ConversationList, defaults: PageDefaults, texts: Texts
) -> PromptSettings:
    """Draw it, and tell what it is set to."""
    _take_settings(session.conversation, defaults)
    with st.sidebar:
        conversations.draw(texts)
        st.divider()
        model = _draw_model(gateway, defaults, texts)
        system_prompt = st.text_area(texts.system_prompt, key="system_prompt", height=100)
        with st.expander(texts.parameters):
            temperature = st.slider(
                texts.temperature, 0.0, 2.0, step=0.1, key="temperature", help=texts.temperature_help
            )
            top_p = st.number_input(
                texts.top_p, 0.0, 1.0, value=None, step=0.05, key="top_p", placeholder=texts.not_set
            )
            max_tokens = st.number_input(
                texts.max_tokens, 1, value=None, step=100, key="max_tokens", placeholder=texts.not_set
            )
            effort = st.selectbox(
                texts.reasoning_effort,
                EFFORTS,
                index=None,
                key="reasoning_effort",
                placeholder=texts.not_set,
                accept_new_options=True,
            )
        draw_login_badge(gateway, defaults.mend, texts)
        st.radio(
            texts.language,
            options=list(CATALOGUE),
            key="language",
            format_func=_language_name,
            horizontal=True,
            on_change=_keep_language,
        )
        st.caption(texts.shortcuts)
    settings = PromptSettings(
        model=model,
        system_prompt=system_prompt,
        temperature=temperature,
        max_tokens=None if max_tokens is None else int(max_tokens),
        top_p=top_p,
        reasoning_effort=effort or None,
    )
    session.keep_settings(settings)
    return settings


def _take_settings(conversation: Conversation, defaults: PageDefaults) -> None:
    """Set the widgets to the conversation's own settings when it is drawn for the first time here."""
    state = st.session_state
    shown = "shown_conversation"
    if state.get(shown) == conversation.key and "system_prompt" in state:
        return
    first = "system_prompt" not in state
    settings = conversation.settings
    if settings is not None:
        state["model"] = settings.model or None
        state["system_prompt"] = settings.system_prompt
        state["temperature"] = defaults.temperature if settings.temperature is None else settings.temperature
        state["top_p"] = settings.top_p
        state["max_tokens"] = settings.max_tokens
        state["reasoning_effort"] = settings.reasoning_effort
    elif first or not conversation.turns:
        state["model"] = state.get("model") or defaults.model or None
        state["system_prompt"] = defaults.system_prompt
        state["temperature"] = float(defaults.temperature)
        state["top_p"] = state["max_tokens"] = state["reasoning_effort"] = None
    state[shown] = conversation.key


def _draw_model(gateway: ChatGateway, defaults: PageDefaults, texts: Texts) -> str:
    listed = _listed_models(gateway, texts)
    names = [model.id for model in listed.models]
    default = defaults.model or next(iter(names), "")
    if not st.session_state.get("model"):
        st.session_state["model"] = default or None
    chosen = cast("str | None", st.session_state["model"])
    # What is chosen stays a choice: a default that the list lacks, and a name typed before the list was reloaded.
    extra = [name for name in dict.fromkeys((chosen, default)) if name and name not in names]
    model = st.selectbox(
        texts.model, options=[*extra, *names], key="model", accept_new_options=True, help=texts.model_help
    )
    st.button(
        texts.reload_models, key="reload_models", icon=":material/refresh:", width="stretch", on_click=_forget_models
    )
    if listed.trouble:
        st.warning(texts.models_trouble)
        st.code(texts.told(listed.trouble), language=None, wrap_lines=True)
    elif default and default not in names:
        st.warning(texts.model_missing.format(model=as_code(default)))
    return model or default


def _listed_models(gateway: ChatGateway, texts: Texts) -> ModelList:
    """Asked for once in a session."""
    if "models" not in st.session_state:
        with st.spinner(texts.loading_models):
            st.session_state["models"] = gateway.list_models()
    return cast("ModelList", st.session_state["models"])


def _forget_models() -> None:
    st.session_state.pop("models", None)


def _language_name(language: Language) -> str:
    return CATALOGUE[language].language_name


def _keep_language() -> None:
    st.query_params[LANGUAGE_PARAM] = cast("Language", st.session_state["language"])

"""The sidebar: new chat, model, system prompt, temperature, language."""

from dataclasses import dataclass
from typing import cast

import streamlit as st

from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import CATALOGUE, Language, Texts, as_code, language_for
from domain.conversation import Conversation, PromptSettings
from ports.gateway import ChatGateway, ModelList

_LANGUAGE_PARAM = "lang"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDefaults:
    """What a new session starts with.

    An empty `model` means the first one listed. `sandbox` is True when the built-in sandbox answers.
    """

    model: str
    system_prompt: str
    temperature: float
    sandbox: bool


def chosen_texts() -> Texts:
    """The language of this session: its own choice, else the address's, else the browser's."""
    if "language" not in st.session_state:
        st.session_state["language"] = language_for(st.query_params.get(_LANGUAGE_PARAM), st.context.locale)
    return CATALOGUE[cast("Language", st.session_state["language"])]


def draw_sidebar(gateway: ChatGateway, session: ChatSession, defaults: PageDefaults, texts: Texts) -> PromptSettings:
    """Draw it, and tell what it is set to."""
    st.session_state.setdefault("system_prompt", defaults.system_prompt)
    st.session_state.setdefault("temperature", float(defaults.temperature))
    with st.sidebar:
        st.button(
            texts.new_chat,
            key="new_chat",
            icon=":material/edit_square:",
            width="stretch",
            on_click=session.change,
            args=(_a_new_one,),
        )
        model = _draw_model(gateway, defaults, texts)
        system_prompt = st.text_area(texts.system_prompt, key="system_prompt", height=120)
        temperature = st.slider(texts.temperature, 0.0, 2.0, step=0.1, key="temperature", help=texts.temperature_help)
        st.radio(
            texts.language,
            options=list(CATALOGUE),
            key="language",
            format_func=_language_name,
            horizontal=True,
            on_change=_keep_language,
        )
    return PromptSettings(model=model, system_prompt=system_prompt, temperature=temperature)


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
        st.code(listed.trouble, language=None, wrap_lines=True)
    elif default and default not in names:
        st.warning(texts.model_missing.format(model=as_code(default)))
    return model or default


def _listed_models(gateway: ChatGateway, texts: Texts) -> ModelList:
    """Asked for once in a session."""
    if "models" not in st.session_state:
        with st.spinner(texts.loading_models):
            st.session_state["models"] = gateway.list_models()
    return cast("ModelList", st.session_state["models"])


def _a_new_one(old: Conversation) -> Conversation:
    """Empty; attempts go on counting, so that an answer still on its way to the old one finds no place here."""
    return Conversation(attempts=old.attempts)


def _forget_models() -> None:
    st.session_state.pop("models", None)


def _language_name(language: Language) -> str:
    return CATALOGUE[language].language_name


def _keep_language() -> None:
    st.query_params[_LANGUAGE_PARAM] = cast("Language", st.session_state["language"])

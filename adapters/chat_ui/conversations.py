"""The list of conversations: found, opened, called by name, deleted and brought back, taken out and in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar
from uuid import uuid4

import streamlit as st

from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import Texts
from adapters.wire.conversation_archive import decode_json, encode_json, encode_markdown
from domain.conversation import ConversationSummary
from domain.errors import ConversationStoreError, InvalidRequestError
from ports.conversation_store import ConversationStore

T = TypeVar("T")
CONVERSATION_PARAM = "c"
_SHOWN = 30
_SHORT_LIST = 5
_LIST_PX = 300


class _Action(Enum):
    RENAME = "rename"
    EXPORT = "export"
    DELETE = "delete"


_ACTION_TEXTS: Mapping[_Action, Callable[[Texts], str]] = {
    _Action.RENAME: lambda texts: texts.rename,
    _Action.EXPORT: lambda texts: texts.export,
    _Action.DELETE: lambda texts: texts.delete,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationList:
    """What the sidebar shows of the store, for one session."""

    store: ConversationStore
    session: ChatSession

    def open_from_address(self) -> None:
        """After a reload: take up the conversation that the address names."""
        key = st.query_params.get(CONVERSATION_PARAM)
        if "opened" not in st.session_state:
            st.session_state["opened"] = True
            if key:
                self._try(lambda: self.session.open(key))

    def keep_in_address(self) -> None:
        """Let a reload find the conversation again."""
        key = self.session.conversation.key
        if st.query_params.get(CONVERSATION_PARAM, "") == key:
            return
        if key:
            st.query_params[CONVERSATION_PARAM] = key
        else:
            st.query_params.pop(CONVERSATION_PARAM, None)

    def draw(self, texts: Texts) -> None:
        """New, search, the list, what was just deleted, and the import."""
        st.button(
            texts.new_chat,
            key="new_chat",
            icon=":material/edit_square:",
            width="stretch",
            shortcut="Alt+N",
            on_click=self.session.start_anew,
        )
        words = st.text_input(
            texts.search, key="search", icon=":material/search:", placeholder=texts.search, label_visibility="collapsed"
        )
        self._draw_deleted(texts)
        listed: tuple[ConversationSummary, ...] = (
            self._try(lambda: self.store.listed(words.strip(), limit=_SHOWN)) or ()
        )
        if words.strip() and not listed:
            st.caption(texts.nothing_found)
        # A long list scrolls by itself, and does not push away what stands below it.
        with st.container(height=_LIST_PX if len(listed) > _SHORT_LIST else "content", border=False):
            for summary in listed:
                self._draw_line(summary, texts)
        self._draw_import(texts)
        if trouble := st.session_state.get("store_trouble") or self.session.trouble:
            st.warning(texts.not_saved, icon=":material/save:")
            st.code(texts.told(trouble), language=None, wrap_lines=True)
        if self.session.moved:
            st.info(texts.copy_of_tab, icon=":material/content_copy:")

    def _draw_line(self, summary: ConversationSummary, texts: Texts) -> None:
        key = summary.key
        title = summary.title or texts.untitled
        wide, narrow = st.columns([5, 1], gap="xxsmall", vertical_alignment="center")
        wide.button(
            _plain(title),
            key=f"open_{key}",
            type="secondary" if key == self.session.conversation.key else "tertiary",
            width="stretch",
            on_click=self._open,
            args=(key,),
        )
        action = narrow.menu_button(
            "",
            list(_Action),
            key=f"actions_{key}",
            icon=":material/more_vert:",
            type="tertiary",
            help=texts.actions,
            format_func=lambda action: _ACTION_TEXTS[action](texts),
        )
        match action:
            case _Action.RENAME:
                self._ask_for_name(key, title, texts)
            case _Action.EXPORT:
                self._offer_export(key, title, texts)
            case _Action.DELETE:
                self._delete(key, title)
                st.rerun()
            case _:
                pass

    def _ask_for_name(self, key: str, title: str, texts: Texts) -> None:
        def ask() -> None:
            st.text_input(texts.new_name, value=title, key="new_name")
            # The dialog is a fragment: the list around it is drawn again by the rerun.
            if st.button(texts.save, key="save_name", type="primary", on_click=self._rename, args=(key,)):
                st.rerun()

        st.dialog(texts.rename)(ask)()

    def _offer_export(self, key: str, title: str, texts: Texts) -> None:
        def offer() -> None:
            found = self._try(lambda: self.store.load(key))
            if found is None:
                return
            now = datetime.now(UTC)  # noqa: TID251 - written into a file for people, decides nothing
            for label, data, ending, mime, icon in (
                (texts.export_markdown, encode_markdown(found).encode(), "md", "text/markdown", "description"),
                (texts.export_json, encode_json(found, exported_at=now), "json", "application/json", "data_object"),
            ):
                st.download_button(
                    label,
                    data=data,
                    file_name=f"{_file_name(title)}.{ending}",
                    mime=mime,
                    key=f"export_{ending}",
                    icon=f":material/{icon}:",
                    width="stretch",
                    on_click="ignore",
                )

        st.dialog(texts.export)(offer)()

    def _draw_deleted(self, texts: Texts) -> None:
        deleted: tuple[str, str] | None = st.session_state.get("deleted")
        if deleted is None:
            return
        key, title = deleted
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(_plain(texts.deleted.format(title=title)))
            st.button(texts.undo, key="undo", icon=":material/undo:", on_click=self._restore, args=(key,))

    def _draw_import(self, texts: Texts) -> None:
        with st.popover(texts.import_conversation, icon=":material/upload:", type="tertiary"):
            file = st.file_uploader(
                texts.import_conversation,
                type=["json"],
                key=f"import_{st.session_state.get('imports', 0)}",
                label_visibility="collapsed",
            )
            if file is not None:
                self._import(file.name, file.getvalue(), texts)

    def _import(self, name: str, data: bytes, texts: Texts) -> None:
        try:
            found = decode_json(data)
        except InvalidRequestError as error:
            st.error(texts.import_failed.format(name=_plain(name)))
            st.code(error.told_in(texts.spoken), language=None, wrap_lines=True)
            return
        # A key of its own: it may stand beside the conversation that it was exported from.
        saved = self._try(lambda: self.store.save(replace(found, key=uuid4().hex), replaces=None))
        if saved is not None:
            st.session_state["imports"] = st.session_state.get("imports", 0) + 1
            self._open(saved.key)
            st.rerun()

    def _open(self, key: str) -> None:
        st.session_state.pop("editing", None)
        self._try(lambda: self.session.open(key))

    def _rename(self, key: str) -> None:
        name = str(st.session_state.get("new_name", "")).strip()
        self._try(lambda: self.store.rename(key, name))
        self.session.called(key, name)

    def _delete(self, key: str, title: str) -> None:
        self._try(lambda: self.store.delete(key))
        st.session_state["deleted"] = (key, title)
        if self.session.conversation.key == key:
            self.session.forget()

    def _restore(self, key: str) -> None:
        st.session_state.pop("deleted", None)
        self._try(lambda: self.store.restore(key))
        self._open(key)

    def _try(self, step: Callable[[], T]) -> T | None:
        """A step with the store; its failure is shown, and the page goes on."""
        try:
            result = step()
        except ConversationStoreError as error:
            st.session_state["store_trouble"] = error.text
            return None
        st.session_state.pop("store_trouble", None)
        return result


def _plain(text: str) -> str:
    """Words of a person or a file as Markdown that shows them letter by letter."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|$:~" else letter for letter in " ".join(text.split()))


def _file_name(title: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in title)
    return "-".join(kept.split())[:60] or "conversation"

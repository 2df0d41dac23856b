"""The page, driven as a person would, with Streamlit's AppTest."""

import re
import threading
from collections.abc import Callable
from typing import cast

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Markdown

from adapters.chat_ui.page import PageDefaults
from adapters.chat_ui.session import ChatSession
from domain.chat import ChatRequest
from domain.events import Finished, TextDelta
from ports.conversation_store import ConversationStore
from ports.gateway import AsyncChat, ChatGateway
from tests.fakes.chat_gateway import FakeChatGateway, Script
from tests.fakes.clock import FakeClock
from tests.fakes.conversation_store import FakeConversationStore

DEFAULTS = PageDefaults(model="model-a", system_prompt="Be kind.", temperature=0.7, sandbox=False)
HAN = re.compile(r"[\u4e00-\u9fff]")


def _script(
    gateway: "ChatGateway",
    chat: "AsyncChat",
    store: "ConversationStore",
    defaults: "PageDefaults",
    runs: "list[ScriptRequests]",
) -> None:
    # AppTest runs this function's text alone: it sees no name of this module.
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from adapters.chat_ui.page import draw_page

    ctx = get_script_run_ctx()
    assert ctx is not None
    assert ctx.script_requests is not None
    runs.append(ctx.script_requests)
    draw_page(gateway, chat, store, defaults)


class Page:
    """The page as a person meets it; `runs` are the script runs so far, which a browser may stop."""

    def __init__(
        self,
        gateway: FakeChatGateway,
        *,
        defaults: PageDefaults = DEFAULTS,
        locale: str = "en-US",
        lang: str | None = None,
        store: FakeConversationStore | None = None,
        conversation: str | None = None,
    ) -> None:
        self.gateway = gateway
        self.store = FakeConversationStore(FakeClock()) if store is None else store
        self.runs: list[ScriptRequests] = []
        arguments = (gateway, gateway, self.store, defaults, self.runs)
        self.app = AppTest.from_function(_script, args=arguments, default_timeout=30)
        self.app.context = {"locale": locale}
        if lang is not None:
            self.app.query_params["lang"] = lang
        if conversation is not None:
            self.app.query_params["c"] = conversation
        self.run()

    def run(self) -> None:
        self.app.run()
        assert [error.value for error in self.app.exception] == []

    def ask(self, question: str) -> None:
        self.app.chat_input(key="question").set_value(question)
        self.run()

    def type_model(self, name: str) -> None:
        box = self.app.selectbox(key="model")
        # AppTest knows no typing into a selectbox; a browser sends a typed name just as it sends a listed one.
        box.options.append(name)
        box.set_value(name)

    def press(self, key: str) -> None:
        self.app.button(key=key).click()
        self.run()

    def choose(self, action: str, key: str) -> None:
        """An entry of a conversation's menu."""
        menu = self.app.menu_button(key=f"actions_{key}")
        menu.click_index(["rename", "export", "delete"].index(action))
        self.run()

    def has_button(self, key: str) -> bool:
        return key in {button.key for button in self.app.button}

    def reopened(self, *scripts: Script) -> "Page":
        """What another tab, or a reload, meets at the same address."""
        key = self.session.conversation.key
        return Page(FakeChatGateway(*scripts), store=self.store, conversation=key or None)

    @property
    def titles(self) -> list[str]:
        """The conversations in the sidebar."""
        return [button.label for button in self.app.sidebar.button if str(button.key).startswith("open_")]

    @property
    def session(self) -> ChatSession:
        return cast("ChatSession", self.app.session_state["chat"])

    @property
    def questions(self) -> list[str]:
        return [text.value for text in self.app.text]

    @property
    def answers(self) -> list[str]:
        """The Markdown that stands directly in the answers, reasoning left out."""
        return [
            child.value
            for message in self.app.chat_message
            if message.name == "assistant"
            for child in message.children.values()
            if isinstance(child, Markdown) and child.type == "markdown"
        ]

    @property
    def captions(self) -> list[str]:
        """Those of the page itself, the sidebar's left out."""
        return [caption.value for caption in self.app.main.caption]

    @property
    def warnings(self) -> list[str]:
        return [warning.value for warning in self.app.warning]

    @property
    def errors(self) -> list[str]:
        return [error.value for error in self.app.error]

    @property
    def details(self) -> list[str]:
        return [code.value for code in self.app.code]

    def once_heard(self, text: str, then: Callable[[], None]) -> Callable[[], None]:
        """A step that waits until the page holds `text` of the running answer, and then acts."""

        def step() -> None:
            pause = threading.Event()
            for _ in range(1000):
                last = self.session.conversation.last
                if last is not None and last.answer.text == text:
                    then()
                    return
                pause.wait(0.01)
            pytest.fail(f"The page never heard {text!r}.")

        return step

    def stop(self) -> None:
        """What the browser's stop button does."""
        self.runs[-1].request_stop()

    def click_elsewhere(self) -> None:
        """What any other click does while a script runs."""
        self.runs[-1].request_rerun(RerunData(page_script_hash=""))


def saying(*words: str, finish: str = "stop") -> Script:
    return Script(steps=(*(TextDelta(text=word) for word in words), Finished(reason=finish)))


def texts_of(request: ChatRequest) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]

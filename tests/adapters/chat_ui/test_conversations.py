"""The conversations in the sidebar: kept, found, opened, deleted and brought back."""

from adapters.chat_ui.texts import ENGLISH
from domain.errors import ConversationStoreError
from tests.adapters.chat_ui.page_driver import Page, saying, texts_of
from tests.fakes.chat_gateway import FakeChatGateway


def test_a_conversation_is_there_after_a_reload_and_goes_on() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    assert page.app.query_params["c"] == page.session.conversation.key
    again = page.reopened(saying("2"))
    assert (again.questions, again.answers) == (["one?"], ["1"])
    again.ask("two?")
    asked = texts_of(again.gateway.requests[0])
    assert asked[1:] == [("user", "one?"), ("assistant", "1"), ("user", "two?")]


def test_a_reload_sends_nothing() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    again = page.reopened()
    again.run()
    assert again.gateway.requests == []


def test_the_title_is_the_first_words_and_needs_no_call() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("What is the *capital* of France?")
    page.run()
    assert page.titles == [r"What is the \*capital\* of France?"]
    assert len(page.gateway.requests) == 1


def test_several_conversations_stand_side_by_side_with_settings_of_their_own() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2"), saying("3")))
    page.app.text_area(key="system_prompt").set_value("First.")
    page.app.slider(key="temperature").set_value(1.5)
    page.ask("one?")
    first = page.session.conversation.key
    page.press("new_chat")
    assert page.app.text_area(key="system_prompt").value == "Be kind."
    assert page.app.slider(key="temperature").value == 0.7
    page.ask("two?")
    assert len(page.titles) == 2
    page.press(f"open_{first}")
    assert page.questions == ["one?"]
    assert page.app.text_area(key="system_prompt").value == "First."
    page.ask("three?")
    assert texts_of(page.gateway.requests[2])[0] == ("system", "First.")
    assert page.gateway.requests[2].temperature == 1.5


def test_two_characters_of_chinese_find_a_conversation() -> None:
    page = Page(FakeChatGateway(saying("好的"), saying("ok")))
    page.ask("今天天气怎么样？")
    page.press("new_chat")
    page.ask("weather?")
    page.app.text_input(key="search").set_value("天气")
    page.run()
    assert page.titles == ["今天天气怎么样？"]
    page.app.text_input(key="search").set_value("nowhere")
    page.run()
    assert page.titles == []
    assert ENGLISH.nothing_found in [caption.value for caption in page.app.sidebar.caption]


def test_what_was_deleted_can_be_brought_back() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    key = page.session.conversation.key
    page.choose("delete", key)
    assert (page.titles, page.questions) == ([], [])
    assert page.store.load(key) is None
    page.press("undo")
    assert (page.titles, page.questions, page.answers) == (["one?"], ["one?"], ["1"])


def test_a_conversation_can_be_called_by_another_name() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.ask("one?")
    page.choose("rename", page.session.conversation.key)
    page.app.text_input(key="new_name").set_value("Mine")
    page.press("save_name")
    page.run()
    assert page.titles == ["Mine"]
    page.ask("two?")
    page.run()
    assert page.titles == ["Mine"]


def test_a_store_that_fails_is_told_and_the_page_goes_on() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.store.trouble = ConversationStoreError("The disk is full.")
    page.ask("one?")
    page.run()
    assert page.answers == ["1"]
    assert ENGLISH.not_saved in page.warnings
    assert "The disk is full." in page.details
    page.store.trouble = None
    page.ask("two?")
    page.run()
    assert ENGLISH.not_saved not in page.warnings
    assert page.reopened().questions == ["one?", "two?"]


def test_another_tab_that_goes_on_gets_a_conversation_of_its_own() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.ask("one?")
    other = page.reopened(saying("3"))
    page.ask("here?")
    other.ask("there?")
    assert ENGLISH.copy_of_tab in [notice.value for notice in other.app.info]
    assert len(other.titles) == 2

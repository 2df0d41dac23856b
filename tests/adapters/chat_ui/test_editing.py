"""Editing a question, and asking again."""

from domain.errors import UpstreamTimeoutError
from tests.adapters.chat_ui.page_driver import Page, saying, texts_of
from tests.fakes.chat_gateway import FakeChatGateway, Script


def edit(page: Page, place: int, text: str) -> None:
    page.press(f"edit_{place}")
    key = page.session.conversation.key
    page.app.text_area(key=f"edited_{key}_{place}").set_value(text)
    page.press("resend")


def test_an_edited_question_is_sent_and_what_followed_it_is_replaced() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2"), saying("zwei")))
    page.ask("one?")
    page.ask("two?")
    edit(page, 0, "eins?")
    assert (page.questions, page.answers) == (["eins?"], ["zwei"])
    assert texts_of(page.gateway.requests[2])[1:] == [("user", "eins?")]
    assert len(page.gateway.requests) == 3
    assert page.reopened().questions == ["eins?"]


def test_an_edit_can_be_left_and_sends_nothing() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    page.press("edit_0")
    page.press("cancel_edit")
    assert (page.questions, len(page.gateway.requests)) == (["one?"], 1)


def test_an_empty_edit_is_not_sent() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    edit(page, 0, "  ")
    assert (page.questions, len(page.gateway.requests)) == (["one?"], 1)


def test_a_turn_that_failed_can_be_tried_again_later_too() -> None:
    failing = Script(refusal=UpstreamTimeoutError("too slow"))
    page = Page(FakeChatGateway(failing, saying("2"), saying("1 at last")))
    page.ask("one?")
    page.ask("two?")
    page.press("retry_0")
    assert (page.questions, page.answers) == (["one?"], ["1 at last"])

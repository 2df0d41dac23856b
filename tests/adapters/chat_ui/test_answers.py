import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.chat_ui.texts import CHINESE, ENGLISH
from adapters.chat_ui.turns import footer
from domain.chat import ChatResponse, Choice, Message, TextPart, Usage
from domain.conversation import Answer
from domain.errors import UpstreamStatusError
from domain.events import AnswerStarted, Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageReported
from tests.adapters.chat_ui.page_driver import Page, saying, texts_of
from tests.fakes.chat_gateway import FakeChatGateway, Script, Step

if TYPE_CHECKING:
    from streamlit.testing.v1.element_tree import Element


def test_an_answer_is_shown_with_its_model_time_and_tokens() -> None:
    steps: tuple[Step, ...] = (
        AnswerStarted(model="model_a*2026"),
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        UsageReported(usage=Usage(input_tokens=12, output_tokens=34)),
        Finished(reason="stop"),
    )
    page = Page(FakeChatGateway(Script(steps=steps)))
    page.ask("Hi?")
    assert page.questions == ["Hi?"]
    assert page.answers == ["Hello"]
    told = r"`model_a\*2026` · first word after \d+\.\d s · \d+\.\d s · tokens: 12 in, 34 out.*"
    assert re.fullmatch(told, page.captions[-1])
    assert page.gateway.closed == 1


def test_without_a_count_the_footer_names_the_model_asked_for_and_no_tokens() -> None:
    page = Page(FakeChatGateway(saying("Hello")))
    page.ask("Hi?")
    assert re.fullmatch(r"`model-a` · first word after \d+\.\d s · \d+\.\d s", page.captions[-1])


def test_what_an_answer_cost_is_told_in_numbers() -> None:
    response = ChatResponse(
        choices=(Choice(message=Message(role="assistant", content=(TextPart(text="hi"),))),),
        usage=Usage(input_tokens=12, output_tokens=40),
        model="m",
    )
    cost = Answer(attempt=1, response=response, elapsed=timedelta(seconds=3), first_word_after=timedelta(seconds=1))
    assert footer(cost, ENGLISH) == "`m` · first word after 1.0 s · 3.0 s · tokens: 12 in, 40 out · 20 tokens/s"
    assert footer(cost, CHINESE) == "`m` · 首字 1.0 秒 · 3.0 秒 · token 数：输入 12，输出 40 · 20 token/秒"


def test_the_system_prompt_the_temperature_and_the_model_go_with_the_question() -> None:
    page = Page(FakeChatGateway(saying("ok")))
    page.app.text_area(key="system_prompt").set_value("Be short.")
    page.app.slider(key="temperature").set_value(1.2)
    page.app.selectbox(key="model").set_value("model-b")
    page.ask("Hi?")
    request = page.gateway.requests[0]
    assert (request.model, request.temperature) == ("model-b", 1.2)
    assert texts_of(request) == [("system", "Be short."), ("user", "Hi?")]


def test_the_history_goes_with_the_next_question() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.ask("one?")
    page.ask("two?")
    assert texts_of(page.gateway.requests[1])[1:] == [("user", "one?"), ("assistant", "1"), ("user", "two?")]
    assert page.answers == ["1", "2"]


def test_drawing_the_page_again_sends_nothing() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    page.run()
    page.run()
    assert len(page.gateway.requests) == 1


def test_a_blank_message_is_not_sent() -> None:
    page = Page(FakeChatGateway())
    page.ask("  \n ")
    assert page.gateway.requests == []
    assert page.captions == [ENGLISH.greeting]


def test_a_question_is_shown_as_it_was_typed() -> None:
    page = Page(FakeChatGateway(saying("ok")))
    page.ask("*a*\n<b>b</b> 你好")
    assert page.questions == ["*a*\n<b>b</b> 你好"]
    assert texts_of(page.gateway.requests[0])[-1] == ("user", "*a*\n<b>b</b> 你好")


def test_reasoning_is_folded_and_apart_from_the_answer() -> None:
    script = Script(steps=(ReasoningDelta(text="Let me "), ReasoningDelta(text="think."), TextDelta(text="42")))
    page = Page(FakeChatGateway(script))
    page.ask("Hi?")
    (expander,) = page.app.main.expander
    assert expander.label == ENGLISH.reasoning
    assert not expander.proto.expanded
    assert [element.value for element in expander.markdown] == ["Let me think."]
    assert page.answers == ["42"]


def test_no_output_of_a_model_is_drawn_as_html() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    script = Script(steps=(AnswerStarted(model=evil), ReasoningDelta(text=evil), TextDelta(text=evil)))
    page = Page(FakeChatGateway(script, models=[evil], trouble=evil))
    page.ask(evil)
    drawn: list[Element] = [*page.app.markdown, *page.app.caption, *page.app.warning, *page.app.error]
    # Escaped, so that it is read letter by letter.
    assert page.answers == [r"\<script>alert(1)\</script>\<img src=x onerror=alert(1)>"]
    assert all(not element.proto.allow_html for element in drawn if hasattr(element.proto, "allow_html"))
    assert "html" not in {element.type for element in page.app.main}


@pytest.mark.parametrize(("reason", "remark"), [("length", ENGLISH.length), ("content_filter", ENGLISH.content_filter)])
def test_an_answer_that_was_cut_says_so(reason: str, remark: str) -> None:
    page = Page(FakeChatGateway(saying("half", finish=reason)))
    page.ask("Hi?")
    assert page.answers == ["half"]
    assert page.warnings == [remark]


def test_an_empty_answer_says_so() -> None:
    page = Page(FakeChatGateway(Script(steps=(Finished(reason="stop"),))))
    page.ask("Hi?")
    assert ENGLISH.empty_answer in page.captions


def test_regenerate_asks_the_last_question_again_and_replaces_the_answer() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2"), saying("2 again")))
    page.ask("one?")
    page.ask("two?")
    page.press("regenerate")
    assert page.answers == ["1", "2 again"]
    assert page.questions == ["one?", "two?"]
    assert page.gateway.requests[2].messages == page.gateway.requests[1].messages


def test_two_sessions_over_one_gateway_do_not_see_each_other() -> None:
    gateway = FakeChatGateway(saying("for one"))
    one, other = Page(gateway), Page(gateway)
    one.ask("one?")
    other.run()
    assert one.answers == ["for one"]
    assert other.questions == other.answers == []


def test_a_question_that_was_overtaken_before_it_was_sent_is_kept_and_says_so() -> None:
    page = Page(FakeChatGateway(saying("2")))
    page.session.change(lambda conversation: conversation.asked("one?"))
    page.ask("two?")
    assert page.questions == ["one?", "two?"]
    assert ENGLISH.not_sent in page.captions
    assert texts_of(page.gateway.requests[0])[1:] == [("user", "two?")]


def test_tool_calls_are_folded_and_apart_from_the_answer_and_not_sent_back() -> None:
    call = ToolCallDelta(index=0, id="c1", name="get_weather", arguments='{"city": "Paris"}')
    page = Page(FakeChatGateway(Script(steps=(TextDelta(text="Let me see."), call)), saying("2")))
    page.ask("Hi?")
    (expander,) = page.app.main.expander
    assert expander.label == ENGLISH.tool_calls
    assert not expander.proto.expanded
    assert [code.value for code in expander.code] == ['{"city": "Paris"}']
    assert page.answers == ["Let me see."]
    page.ask("And?")
    assert all(not message.tool_calls for message in page.gateway.requests[1].messages)


def test_a_diagram_is_drawn_and_a_picture_from_elsewhere_is_a_link() -> None:
    page = Page(FakeChatGateway(saying("See\n\n```mermaid\ngraph TD; A-->B\n```\n\n![leak](https://evil.example/x)")))
    page.ask("Hi?")
    # A diagram is an element of its own, which Streamlit sends as a fence of four.
    drawn = [element.value for element in page.app.main.markdown]
    assert drawn == ["See", "````mermaid\ngraph TD; A-->B\n````", "[leak](https://evil.example/x)"]


def test_every_answer_can_be_copied_and_a_failure_with_its_details() -> None:
    failing = Script(refusal=UpstreamStatusError(status=503, headers=(), body=b"busy"))
    page = Page(FakeChatGateway(saying("1"), failing))
    page.ask("one?")
    assert len(page.app.main.get("bidi_component")) == 1
    page.ask("two?")
    assert len(page.app.main.get("bidi_component")) == 2

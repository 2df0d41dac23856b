from typing import TYPE_CHECKING

import pytest

from adapters.chat_ui.page import PageDefaults
from adapters.chat_ui.texts import CHINESE, ENGLISH
from domain.errors import (
    UpstreamStatusError,
)
from tests.adapters.chat_ui.page_driver import HAN, Page, saying, texts_of
from tests.fakes.chat_gateway import FakeChatGateway, Script

if TYPE_CHECKING:
    from streamlit.testing.v1.element_tree import Button


def test_the_sidebar_starts_with_the_defaults_and_the_standards_limits() -> None:
    page = Page(FakeChatGateway())
    slider = page.app.slider(key="temperature")
    assert (slider.min, slider.max, slider.value) == (0.0, 2.0, 0.7)
    assert page.app.text_area(key="system_prompt").value == "Be kind."
    assert page.app.selectbox(key="model").value == "model-a"


def test_a_new_chat_begins_empty() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.ask("one?")
    page.press("new_chat")
    assert page.questions == []
    assert page.captions == [ENGLISH.greeting]
    page.ask("two?")
    assert texts_of(page.gateway.requests[1])[1:] == [("user", "two?")]


def test_the_models_are_listed_once_in_a_session_and_again_on_demand() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.ask("one?")
    assert page.gateway.times_listed == 1
    page.gateway.model_list = FakeChatGateway(models=["model-c"]).model_list
    page.press("reload_models")
    assert page.gateway.times_listed == 2
    assert "model-c" in page.app.selectbox(key="model").options


def test_any_model_name_may_be_typed_and_outlives_a_reload_of_the_list() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.type_model("my/own:model")
    page.run()
    page.press("reload_models")
    assert page.app.selectbox(key="model").value == "my/own:model"
    assert page.app.selectbox(key="model").proto.accept_new_options
    page.ask("one?")
    assert page.gateway.requests[0].model == "my/own:model"


def test_a_default_model_that_is_not_listed_is_a_warning_and_usable() -> None:
    page = Page(FakeChatGateway(saying("1"), models=["other"]))
    assert page.warnings == [ENGLISH.model_missing.format(model="`model-a`")]
    page.ask("one?")
    assert page.gateway.requests[0].model == "model-a"
    assert page.answers == ["1"]


def test_without_a_default_the_first_model_listed_is_taken() -> None:
    defaults = PageDefaults(model="", system_prompt="", temperature=0.7, sandbox=False)
    page = Page(FakeChatGateway(saying("1"), models=["first", "second"]), defaults=defaults)
    assert page.warnings == []
    page.ask("one?")
    assert page.gateway.requests[0].model == "first"


def test_with_neither_a_default_nor_a_list_a_model_can_be_typed_or_the_list_reloaded() -> None:
    defaults = PageDefaults(model="", system_prompt="", temperature=0.7, sandbox=False)
    page = Page(FakeChatGateway(saying("1"), models=[], trouble="refused"), defaults=defaults)
    page.type_model("typed")
    page.ask("one?")
    assert page.gateway.requests[0].model == "typed"
    other = Page(FakeChatGateway(models=[], trouble="refused"), defaults=defaults)
    other.gateway.model_list = FakeChatGateway(models=["first"]).model_list
    other.press("reload_models")
    assert other.app.selectbox(key="model").value == "first"


def test_trouble_with_the_list_is_told_and_blocks_nothing() -> None:
    page = Page(FakeChatGateway(saying("1"), models=["model-a"], trouble="connection *refused*"))
    assert page.warnings == [ENGLISH.models_trouble]
    assert page.details == ["connection *refused*"]
    page.ask("one?")
    assert page.answers == ["1"]


@pytest.mark.parametrize("sandbox", [True, False])
def test_the_sandbox_is_named_where_it_answers(sandbox: bool) -> None:
    defaults = PageDefaults(model="model-a", system_prompt="", temperature=0.7, sandbox=sandbox)
    page = Page(FakeChatGateway(), defaults=defaults)
    assert [notice.value for notice in page.app.info] == ([ENGLISH.sandbox_notice] if sandbox else [])


def test_the_browser_decides_the_first_language() -> None:
    assert Page(FakeChatGateway(), locale="zh-CN").captions == [CHINESE.greeting]
    assert Page(FakeChatGateway(), locale="fr").captions == [ENGLISH.greeting]


def test_the_address_goes_before_the_browser() -> None:
    assert Page(FakeChatGateway(), locale="en-US", lang="zh").captions == [CHINESE.greeting]


def test_the_language_switch_keeps_itself_in_the_address_and_everything_else_as_it_was() -> None:
    page = Page(FakeChatGateway(saying("1")))
    page.app.text_area(key="system_prompt").set_value("Be short.")
    page.type_model("typed")
    page.app.slider(key="temperature").set_value(1.5)
    page.ask("one?")
    page.app.radio(key="language").set_value("zh")
    page.run()
    assert page.app.query_params["lang"] == "zh"
    assert page.app.button(key="regenerate").label == CHINESE.regenerate
    assert page.answers == ["1"]
    assert page.app.text_area(key="system_prompt").value == "Be short."
    assert page.app.selectbox(key="model").value == "typed"
    assert page.app.slider(key="temperature").value == 1.5


def test_no_english_is_left_on_the_chinese_page() -> None:
    refusal = Script(refusal=UpstreamStatusError(status=500, headers=(), body=b""))
    defaults = PageDefaults(model="model-z", system_prompt="", temperature=0.7, sandbox=True)
    page = Page(FakeChatGateway(refusal, saying("1")), defaults=defaults, locale="zh-CN")
    page.ask("一？")
    buttons: list[Button] = list(page.app.button)
    page.ask("二？")
    labels = [button.label for button in (*buttons, *page.app.button)]
    labels += [page.app.selectbox[0].label, page.app.slider[0].label, page.app.radio[0].label]
    labels += [page.app.text_area[0].label, page.app.chat_input[0].placeholder]
    shown = [*labels, *page.captions, *page.warnings, *page.errors, *[notice.value for notice in page.app.info]]
    assert [text for text in shown if not HAN.search(text)] == []


def test_further_parameters_go_with_the_question_when_they_are_set_and_only_then() -> None:
    page = Page(FakeChatGateway(saying("1"), saying("2")))
    page.ask("one?")
    page.app.number_input(key="top_p").set_value(0.5)
    page.app.number_input(key="max_tokens").set_value(100)
    page.app.selectbox(key="reasoning_effort").set_value("low")
    page.ask("two?")
    plain, full = page.gateway.requests
    assert (plain.top_p, plain.max_tokens, plain.reasoning_effort) == (None, None, None)
    assert (full.top_p, full.max_tokens, full.reasoning_effort) == (0.5, 100, "low")

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Markdown

from adapters.chat_ui.page import PageDefaults
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import CHINESE, ENGLISH
from adapters.chat_ui.troubles import TroubleKind
from domain.chat import ChatRequest, Usage
from domain.errors import (
    LoginRequiredError,
    StreamInterruptedError,
    TokenError,
    UpstreamError,
    UpstreamStatusError,
    UpstreamTimeoutError,
)
from domain.events import AnswerStarted, Finished, ReasoningDelta, TextDelta, UsageReported
from ports.gateway import ChatGateway
from tests.fakes.chat_gateway import FakeChatGateway, Script, Step

if TYPE_CHECKING:
    from streamlit.testing.v1.element_tree import Button, Element

DEFAULTS = PageDefaults(model="model-a", system_prompt="Be kind.", temperature=0.7, sandbox=False)
HAN = re.compile(r"[\u4e00-\u9fff]")


def _script(gateway: "ChatGateway", defaults: "PageDefaults", runs: "list[ScriptRequests]") -> None:
    # AppTest runs this function's text alone: it sees no name of this module.
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from adapters.chat_ui.page import draw_page

    ctx = get_script_run_ctx()
    assert ctx is not None
    assert ctx.script_requests is not None
    runs.append(ctx.script_requests)
    draw_page(gateway, defaults)


class Page:
    """The page as a person meets it; `runs` are the script runs so far, which a browser may stop."""

    def __init__(
        self,
        gateway: FakeChatGateway,
        *,
        defaults: PageDefaults = DEFAULTS,
        locale: str = "en-US",
        lang: str | None = None,
    ) -> None:
        self.gateway = gateway
        self.runs: list[ScriptRequests] = []
        self.app = AppTest.from_function(_script, args=(gateway, defaults, self.runs), default_timeout=30)
        self.app.context = {"locale": locale}
        if lang is not None:
            self.app.query_params["lang"] = lang
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

    def has_button(self, key: str) -> bool:
        return key in {button.key for button in self.app.button}

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
        return [caption.value for caption in self.app.caption]

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
    assert re.fullmatch(r"`model_a\*2026` · \d+\.\d s · tokens: 12 in, 34 out", page.captions[-1])
    assert page.gateway.closed == 1


def test_without_a_count_the_footer_names_the_model_asked_for_and_no_tokens() -> None:
    page = Page(FakeChatGateway(saying("Hello")))
    page.ask("Hi?")
    assert re.fullmatch(r"`model-a` · \d+\.\d s", page.captions[-1])


def test_the_system_prompt_the_temperature_and_the_model_go_with_the_question() -> None:
    page = Page(FakeChatGateway(saying("ok")))
    page.app.text_area(key="system_prompt").set_value("Be short.")
    page.app.slider(key="temperature").set_value(1.2)
    page.app.selectbox(key="model").set_value("model-b")
    page.ask("Hi?")
    request = page.gateway.requests[0]
    assert (request.model, request.temperature) == ("model-b", 1.2)
    assert texts_of(request) == [("system", "Be short."), ("user", "Hi?")]


def test_the_sidebar_starts_with_the_defaults_and_the_standards_limits() -> None:
    page = Page(FakeChatGateway())
    slider = page.app.slider(key="temperature")
    assert (slider.min, slider.max, slider.value) == (0.0, 2.0, 0.7)
    assert page.app.text_area(key="system_prompt").value == "Be kind."
    assert page.app.selectbox(key="model").value == "model-a"


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
    (expander,) = page.app.expander
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
    assert page.answers == [evil]
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


def test_a_stopped_answer_keeps_what_came_and_says_so() -> None:
    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop), TextDelta(text="lo")))
    )
    page.ask("Hi?")
    assert not page.session.busy
    assert page.gateway.wait_until_closed(1)
    page.run()
    assert page.answers[0].startswith("Hel")
    assert page.warnings == [ENGLISH.stopped]
    assert page.has_button("regenerate")
    assert len(page.gateway.requests) == 1


def test_stop_does_not_wait_for_a_silent_upstream() -> None:
    speak_again = threading.Event()

    def wait() -> None:
        assert speak_again.wait(20)

    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop), wait, TextDelta(text="lo")))
    )
    page.ask("Hi?")
    page.run()
    assert page.answers == ["Hel"]
    assert page.warnings == [ENGLISH.stopped]
    assert page.gateway.closed == 0
    speak_again.set()
    assert page.gateway.wait_until_closed(1)
    page.run()
    assert page.answers == ["Hel"]


def test_another_click_while_an_answer_streams_stops_it_and_sends_nothing_twice() -> None:
    page = Page(FakeChatGateway())
    page.gateway.answers_next(
        Script(
            steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.click_elsewhere), *[TextDelta(text="lo")] * 50)
        )
    )
    page.ask("Hi?")
    assert page.answers[0].startswith("Hel")
    assert page.warnings == [ENGLISH.stopped]
    assert len(page.gateway.requests) == 1


def test_a_run_stops_the_answer_of_a_run_that_it_has_overtaken() -> None:
    page = Page(FakeChatGateway())
    # As another thread leaves it that has sent the question and still waits for a word.
    page.session.change(lambda conversation: conversation.asked("Hi?"))
    assert page.session.claim("model-a") is not None
    page.run()
    assert not page.session.busy
    assert page.warnings == [ENGLISH.stopped]
    assert page.has_button("regenerate")
    assert page.gateway.requests == []


def test_a_run_that_the_input_did_not_start_has_a_stop_button_of_ours() -> None:
    page = Page(FakeChatGateway())
    for _ in range(2):
        page.gateway.answers_next(Script(steps=(TextDelta(text="Hel"), page.once_heard("Hel", page.stop))))
    page.ask("Hi?")
    assert not page.has_button("stop")
    page.run()
    page.press("regenerate")
    assert page.has_button("stop")
    assert not page.has_button("regenerate")


@pytest.mark.parametrize(("busy", "runs"), [(False, 2), (True, 1)])
def test_the_page_is_drawn_again_once_a_stopped_answer_is_settled(busy: bool, runs: int) -> None:
    def script(session: "ChatSession", runs: "list[int]") -> None:
        from adapters.chat_ui.turns import rerun_once_settled

        runs.append(len(runs))
        if len(runs) == 1:
            rerun_once_settled(session)

    session = ChatSession()
    if busy:
        session.change(lambda conversation: conversation.asked("one?"))
    seen: list[int] = []
    AppTest.from_function(script, args=(session, seen), default_timeout=30).run()
    assert len(seen) == runs


@pytest.mark.parametrize(
    ("error", "kind", "detail"),
    [
        (LoginRequiredError("Sign in."), TroubleKind.LOGIN_REQUIRED, "Sign in."),
        (UpstreamTimeoutError("Silent for 120 s."), TroubleKind.TIMEOUT, "Silent for 120 s."),
        (
            UpstreamStatusError(status=429, headers=(("Retry-After", "7"),), body=b'{"error":{"message":"Slow down"}}'),
            TroubleKind.TOO_MANY_REQUESTS,
            "Slow down",
        ),
        (
            UpstreamStatusError(status=502, headers=(), body=b"<html><h1>Bad Gateway</h1></html>"),
            TroubleKind.UPSTREAM_FAILING,
            "Bad Gateway",
        ),
    ],
)
def test_an_error_stays_in_its_turn_and_tells_the_next_step(
    error: TokenError | UpstreamError, kind: TroubleKind, detail: str
) -> None:
    page = Page(FakeChatGateway(Script(refusal=error), saying("fine")))
    page.ask("Hi?")
    (told,) = page.errors
    assert ENGLISH.advice[kind].what in told
    assert ENGLISH.advice[kind].next_step in told
    assert page.details == [detail]
    assert page.questions == ["Hi?"]
    page.ask("Next?")
    assert page.errors == [told]
    assert page.questions == ["Hi?", "Next?"]
    assert texts_of(page.gateway.requests[1])[1:] == [("user", "Next?")]


def test_an_upstreams_status_and_wait_are_told() -> None:
    error = UpstreamStatusError(status=429, headers=(("Retry-After", "7"),), body=b"")
    page = Page(FakeChatGateway(Script(refusal=error)))
    page.ask("Hi?")
    assert "429" in page.errors[0]
    assert ENGLISH.retry_after.format(seconds=7) in page.errors[0]
    assert page.details == []


def test_retry_sends_the_message_again_and_the_error_goes() -> None:
    page = Page(FakeChatGateway(Script(refusal=UpstreamTimeoutError("Silent.")), saying("At last")))
    page.ask("Hi?")
    assert not page.has_button("regenerate")
    page.press("retry")
    assert page.answers == ["At last"]
    assert page.errors == []
    assert page.gateway.requests[0] == page.gateway.requests[1]


def test_what_came_before_an_error_is_kept() -> None:
    page = Page(FakeChatGateway(Script(steps=(TextDelta(text="Half"), StreamInterruptedError("Cut.")))))
    page.ask("Hi?")
    assert page.answers == ["Half"]
    assert ENGLISH.advice[TroubleKind.INTERRUPTED].what in page.errors[0]
    assert page.has_button("retry")


def test_a_failure_that_nobody_foresaw_loses_no_message() -> None:
    def broken() -> None:
        raise KeyError("a defect")

    page = Page(FakeChatGateway(Script(steps=(TextDelta(text="Half"), broken))))
    page.app.chat_input(key="question").set_value("Hi?").run()
    assert len(page.app.exception) == 1
    page.run()
    assert page.questions == ["Hi?"]
    assert page.answers == ["Half"]
    assert ENGLISH.advice[TroubleKind.UNEXPECTED].what in page.errors[0]


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


def test_two_sessions_over_one_gateway_do_not_see_each_other() -> None:
    gateway = FakeChatGateway(saying("for one"))
    one, other = Page(gateway), Page(gateway)
    one.ask("one?")
    other.run()
    assert one.answers == ["for one"]
    assert other.questions == other.answers == []

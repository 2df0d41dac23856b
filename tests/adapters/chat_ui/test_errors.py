import pytest

from adapters.chat_ui.texts import ENGLISH
from domain.conversation import TroubleKind
from domain.errors import (
    LoginRequiredError,
    StreamInterruptedError,
    TokenError,
    UpstreamError,
    UpstreamStatusError,
    UpstreamTimeoutError,
)
from domain.events import TextDelta
from tests.adapters.chat_ui.page_driver import Page, saying, texts_of
from tests.fakes.chat_gateway import FakeChatGateway, Script


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

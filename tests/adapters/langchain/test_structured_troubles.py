"""What can be in the way of an answer of a given form: it breaks off, it is refused, the upstream fails."""

from typing import Any

import langchain_core.exceptions
import pytest
from langchain_core.exceptions import ModelRateLimitError, OutputParserException

from domain.errors import UpstreamStatusError
from domain.events import Finished, RefusalDelta, StreamEvent, TextDelta
from tests.adapters.langchain.jokes import (
    Joke,
    Method,
    answer,
    methods,
    model_that_says,
    name_of,
    outcomes,
    schemas,
    ways,
    with_raw,
)
from tests.adapters.langchain.ways import Way

REFUSED: type[Exception] = getattr(langchain_core.exceptions, "ModelRefusalError", OutputParserException)


@ways
@methods
@schemas
def test_an_answer_that_breaks_off_is_never_taken_for_one(way: Way, method: Method, schema: Any, expected: Any) -> None:
    events = answer(method, '{"setup": "Why?", "stars": 3, "more": "', name=name_of(schema), reason="length")
    with pytest.raises(OutputParserException, match="broke off at the limit of tokens"):
        outcomes(way, model_that_says(events).with_structured_output(schema, method=method))
    raw = with_raw(way, model_that_says(events).with_structured_output(schema, method=method, include_raw=True))
    assert (raw["parsed"], type(raw["parsing_error"])) == (None, OutputParserException)


@ways
@schemas
def test_a_call_with_broken_arguments_is_an_error_and_not_nothing(way: Way, schema: Any, expected: Any) -> None:
    events = answer("function_calling", '{"setup": "Why?"', name=name_of(schema))
    with pytest.raises(
        OutputParserException, match=rf"called {name_of(schema)} with arguments that are no JSON object"
    ):
        outcomes(way, model_that_says(events).with_structured_output(schema, method="function_calling"))


REFUSALS: dict[str, tuple[list[StreamEvent], str]] = {
    "words of refusal": (
        [RefusalDelta(text="I can"), RefusalDelta(text="not."), Finished(reason="stop")],
        r"declined to answer: I cannot\.",
    ),
    "words of refusal after some of an answer": (
        [TextDelta(text='{"setup": '), RefusalDelta(text="I cannot."), Finished(reason="stop")],
        r"declined to answer: I cannot\.",
    ),
    "content filter": ([TextDelta(text='{"setup": "W'), Finished(reason="content_filter")], "content filter stopped"),
}


@ways
@methods
@schemas
@pytest.mark.parametrize(("events", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_told_as_one(  # noqa: PLR0917 - parametrized
    way: Way, method: Method, schema: Any, expected: Any, events: list[StreamEvent], words: str
) -> None:
    with pytest.raises(REFUSED, match=words) as caught:
        outcomes(way, model_that_says(events).with_structured_output(schema, method=method))
    raw = with_raw(way, model_that_says(events).with_structured_output(schema, method=method, include_raw=True))
    assert raw["parsed"] is None
    assert isinstance(raw["parsing_error"], REFUSED)
    message = getattr(caught.value, "raw_message", raw["raw"])
    assert message.response_metadata["finish_reason"] in ("stop", "content_filter")


@ways
@pytest.mark.parametrize("include_raw", [False, True])
def test_a_failure_of_the_upstream_is_no_error_of_parsing(way: Way, *, include_raw: bool) -> None:
    model = model_that_says([UpstreamStatusError(status=429, headers=(), body=b"")])
    with pytest.raises(ModelRateLimitError):
        outcomes(way, model.with_structured_output(Joke, include_raw=include_raw))

"""Estimates of tokens, made without a tokenizer."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.langchain.token_counting import estimated_tokens


def test_prose_has_about_a_token_for_four_letters_and_chinese_one_for_each_sign() -> None:
    assert estimated_tokens("") == 0
    assert estimated_tokens("Hi") == 1
    assert estimated_tokens("Good morning") == 3
    assert estimated_tokens("上下文长度") == 5
    assert estimated_tokens("上下文 context") == 5


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens_and_cutting_it_never_saves_any(one: str, other: str) -> None:
    whole = estimated_tokens(one + other)
    assert max(estimated_tokens(one), estimated_tokens(other)) <= whole
    assert whole <= estimated_tokens(one) + estimated_tokens(other) <= whole + 1


@given(st.text())
def test_no_text_has_more_tokens_than_signs(text: str) -> None:
    assert (len(text) > 0) <= estimated_tokens(text) <= len(text)

"""Our access token does not come back, wherever an upstream's answer is cut."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from domain.concealing import Concealer, concealed, without_token

TOKEN = "eyJabceyJabc"
parts = st.sampled_from(["eyJ", "abc", "eyJabc", TOKEN, "e", "x", '"}\n\n'])


@given(st.lists(parts, max_size=8).map("".join), st.lists(st.integers(0, 60), max_size=8))
@example(TOKEN, [3, 7])
@example(TOKEN * 2, [1, 2, 13, 14])
def test_a_token_is_taken_out_wherever_the_pieces_are_cut(text: str, cuts: list[int]) -> None:
    body = text.encode()
    concealer = Concealer(TOKEN)
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    passed = b"".join(concealer.feed(body[start:end]) for start, end in pairwise(places))
    passed += concealer.rest()
    assert TOKEN.encode() not in passed
    assert passed.replace(b"***", b"") == concealed(body, TOKEN).replace(b"***", b"")


def test_nothing_waits_that_cannot_be_the_beginning_of_the_token() -> None:
    concealer = Concealer(TOKEN)
    assert concealer.feed(b'data: {"a":"eyes"}\n\n') == b'data: {"a":"eyes"}\n\n'
    assert concealer.feed(b"the keys") == b"the keys"
    assert concealer.feed(b"the eyJab") == b"the "
    assert concealer.held
    assert concealer.feed(b"!") == b"eyJab!"


def test_a_token_so_short_that_plain_words_hold_it_is_left_alone() -> None:
    assert Concealer("a").feed(b"banana") == b"banana"
    assert concealed(b"banana", "a") == b"banana"
    assert without_token((("Content-Type", "application/json"),), "a") == (("Content-Type", "application/json"),)


def test_a_field_that_holds_the_token_is_left_out() -> None:
    assert without_token((("X-Echo", f"Bearer {TOKEN}"), ("X-Own", "1")), TOKEN) == (("X-Own", "1"),)

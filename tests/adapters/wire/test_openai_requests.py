"""Requests for the relay: checked no further than needed, passed on byte for byte."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.openai_requests import PreparedRequest, prepare_chat, prepare_completion, prepare_embeddings
from domain.errors import InvalidRequestError

CHAT = b'{"messages":[{"role":"user","content":"hi"}]%s}'


def chat(more: bytes = b"") -> PreparedRequest:
    return prepare_chat(CHAT % more, default_model="default")


def test_a_request_with_a_model_goes_on_untouched() -> None:
    body = b'{ "model":"\\u006d","messages":[{"role":"?","content":[{"type":"new"}]}],"n":2,"top_p":1.0,"x":[{}] }\n'
    assert prepare_chat(body, default_model="d") == PreparedRequest(body=body, stream=False, choices=2, model="m")


@pytest.mark.parametrize("model", [b'"model":null,', b'"model":"",', b""])
def test_an_absent_model_becomes_the_default(model: bytes) -> None:
    prepared = prepare_chat(b"{" + model + b'"messages":[{}],"seed":1.50}', default_model="的")
    assert json.loads(prepared.body) == {"model": "的", "messages": [{}], "seed": 1.5}
    assert prepared.body.endswith(b'"messages":[{}],"seed":1.50}')
    assert prepared.model == "的"


@pytest.mark.parametrize(
    ("more", "stream"),
    [(b"", False), (b',"stream":null', False), (b',"stream":false', False), (b',"stream":true', True)],
)
def test_the_caller_says_whether_to_stream(more: bytes, *, stream: bool) -> None:
    assert chat(more).stream is stream


@pytest.mark.parametrize(
    ("n", "choices"),
    [(b"1", 1), (b"3", 3), (b"null", 1), (b'"2"', 1), (b"0", 1), (b"-1", 1), (b"true", 1), (b"2.0", 1)],
)
def test_n_counts_the_choices_and_is_not_judged(n: bytes, choices: int) -> None:
    assert chat(b',"n":' + n).choices == choices


@pytest.mark.parametrize(
    ("prompt", "choices"),
    [(b'"a"', 2), (b'["a","b","c"]', 6), (b"[1,2,3]", 2), (b"[[1],[2]]", 4), (b"[]", 2), (b"null", 2)],
)
def test_a_completion_has_n_choices_for_each_prompt(prompt: bytes, choices: int) -> None:
    body = b'{"model":"m","n":2,"stream":true,"prompt":' + prompt + b"}"
    assert prepare_completion(body, default_model="d") == PreparedRequest(
        body=body, stream=True, choices=choices, model="m"
    )


@pytest.mark.parametrize("value", [b'"a"', b'["a"]', b"[1,2]", b"[[1]]"])
def test_embeddings_take_text_and_tokens(value: bytes) -> None:
    body = b'{"model":"m","encoding_format":"base64","input":' + value + b"}"
    assert prepare_embeddings(body, default_model="d") == PreparedRequest(body=body, stream=False, choices=1, model="m")


@pytest.mark.parametrize(
    ("body", "param", "code", "told"),
    [
        (b"{}", "messages", "missing_required_parameter", "Missing required parameter: 'messages'"),
        (b'{"messages":null}', "messages", "invalid_type", "expected an array of objects, but got null"),
        (b'{"messages":"hi"}', "messages", "invalid_type", "expected an array of objects, but got a string"),
        (b'{"messages":[]}', "messages", "empty_array", "expected at least one message"),
        (b'{"messages":[{},{},3]}', "messages[2]", "invalid_type", "'messages[2]': expected an object, but got an int"),
        (CHAT % b',"model":4', "model", "invalid_type", "expected a string, but got an integer"),
        (CHAT % b',"stream":"yes"', "stream", "invalid_type", "expected a boolean, but got a string"),
        (CHAT % b',"stream":1', "stream", "invalid_type", "expected a boolean, but got an integer"),
        (b"{", None, "invalid_json", "line 1 column 2"),
    ],
)
def test_a_wrong_chat_request_is_refused_with_the_parameter_and_what_was_expected(
    body: bytes, param: str | None, code: str, told: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        prepare_chat(body, default_model="d")
    assert (caught.value.param, caught.value.code) == (param, code)
    assert told in str(caught.value)


@pytest.mark.parametrize(("prepare", "param"), [(prepare_completion, "prompt"), (prepare_embeddings, "input")])
def test_a_prompt_and_an_input_are_demanded(prepare: Callable[..., PreparedRequest], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        prepare(b'{"model":"m"}', default_model="d")
    assert (caught.value.param, caught.value.code) == (param, "missing_required_parameter")


def test_a_prepared_request_does_not_show_its_body() -> None:
    assert "hi" not in repr(chat())


VALUES = st.sampled_from(
    [
        b"null", b"true", b"0", b"2", b"-1", b"1.5", b"1e400", b"01", b"1.", b"-", b"+1", b"NaN", b"Infinity", b"tru",
        b"",
        b'""', b'"m"', b'"\\u006d"', b'"\\ud800"', b'"\\x"', b'"\xe4\xbd\xa0"', b'"\xff"', b'"\xed\xa0\x80"',
        b'"\t"', b'"',
        b"[]", b"[{}]", b'[{"a":[1,{"b":null}]}]', b"[1]", b"[[]]", b"[{},]", b"{}", b'{"a":1,}', b'["a","b"]',
        b"9" * 5000,
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    [b'"model"', b'"mod\\u0065l"', b'"messages"', b'"prompt"', b'"input"', b'"stream"', b'"n"', b'"x"', b'"\xff"', b"x"]
)
SPACE = st.sampled_from([b"", b" ", b"\n", b"\t\r", b"\x0c", b"\xc2\xa0"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Request bodies, nearly right and wrong."""
    named = [b'"messages":[{}]', b'"prompt":"p"', b'"input":["i"]', b'"model":"m"', b'"stream":true', b'"n":3']
    members = draw(st.lists(st.sampled_from(named), max_size=6))
    for _ in range(draw(st.integers(0, 3))):
        members.append(draw(NAMES) + draw(SPACE) + b":" + draw(SPACE) + draw(VALUES))
    inside = (draw(SPACE) + b",").join(draw(st.permutations(members)))
    return (
        draw(SPACE)
        + b"{"
        + draw(SPACE)
        + inside
        + draw(SPACE)
        + draw(st.sampled_from([b"}", b"", b"}}"]))
        + draw(SPACE)
    )


@given(body=bodies(), prepare=st.sampled_from([prepare_chat, prepare_completion, prepare_embeddings]))
def test_a_body_read_by_its_head_and_one_read_whole_are_taken_and_refused_alike(
    body: bytes, prepare: Callable[..., PreparedRequest]
) -> None:
    def outcome(given: bytes) -> object:
        try:
            return prepare(given, default_model="的")
        except InvalidRequestError as error:
            return str(error), error.param, error.code

    # What begins with a byte order mark is read whole.
    assert outcome(body) == outcome(b"\xef\xbb\xbf" + body)

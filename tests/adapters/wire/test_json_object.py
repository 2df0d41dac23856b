"""A JSON object whose text is kept: only the member that is asked for changes."""

import json
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.wire.json_object import MAX_MEMBERS, JsonObject
from domain.errors import InvalidRequestError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from(["model", "a", "é", "", "\u2028", '"']) | st.text(), VALUES, max_size=5)


@st.composite
def written(draw: st.DrawFn) -> str:
    """An object as text, in one of the ways to write it."""
    indent = draw(st.sampled_from([None, 0, 3]))
    text = json.dumps(draw(OBJECTS), indent=indent, ensure_ascii=draw(st.booleans()))
    return draw(st.sampled_from(["", " \r\n\t"])) + text


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def quoted(value: object, *, ascii_only: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


@given(
    members=st.dictionaries(st.sampled_from(["model", "a", "é"]) | st.text(), VALUES, max_size=4),
    value=VALUES,
    gap=st.sampled_from(["", " ", " \r\n\t"]),
    ascii_only=st.booleans(),
)
@example(members={"a": {"model": 1}, "model": None}, value=[], gap=" ", ascii_only=True)
def test_replacing_a_member_changes_nothing_else(
    members: dict[str, object], value: object, gap: str, *, ascii_only: bool
) -> None:
    def write(values: dict[str, str]) -> str:
        inside = ",".join(
            f"{gap}{quoted(name, ascii_only=ascii_only)}{gap}:{gap}{text}{gap}" for name, text in values.items()
        )
        return f"{gap}{{{inside or gap}}}{gap}"

    texts = {name: quoted(each, ascii_only=ascii_only) for name, each in members.items()}
    before = write(texts)
    changed = JsonObject.parse(before.encode()).with_member("model", value).decode()
    if "model" in members:
        assert changed == write({**texts, "model": quoted(value)})
    else:
        member = f'"model":{quoted(value)}' + ("," if members else "")
        assert changed == before.replace("{", "{" + member, 1)
    assert json.loads(changed) == {**members, "model": value}


@given(text=written() | st.text('{}[]":,\\u0 \n\t1aeE.-ntrue\x00é', max_size=12) | st.text(max_size=6))
@example(text='{"a":1,}')
@example(text='{"a" 1}')
@example(text='{"a":1} x')
@example(text='{"a":1 "b":2}')
@example(text="{,}")
@example(text='{"a":}')
@example(text="{1:2}")
@example(text='{"a":"\n"}')
def test_it_reads_exactly_what_json_reads(text: str) -> None:
    try:
        expected: object = json.loads(text.removeprefix("\ufeff"), parse_constant=refuse_constant)
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        members = cast("dict[str, object]", expected)
        read = JsonObject.parse(text.encode())
        assert {name: read.get(name) for name in members} == members
        assert all(name in read for name in members)
        assert "no such member" not in read
        assert read.get("no such member") is None
    else:
        with pytest.raises(InvalidRequestError):
            JsonObject.parse(text.encode())


def test_a_replaced_value_leaves_numbers_escapes_and_spaces_as_they_were() -> None:
    body = b'{ "x" : 1.0e+2 , "model":  "a" ,"y":[1.10,"\\u00e9\\/"], "z":12345678901234567890.5 }\n'
    assert JsonObject.parse(body).with_member("model", "b") == body.replace(b'"a"', b'"b"')
    assert JsonObject.parse(body).body == body


def test_an_absent_member_is_put_first() -> None:
    assert JsonObject.parse(b' { "a":1}').with_member("model", "m") == b' {"model":"m", "a":1}'
    assert JsonObject.parse(b"{ }").with_member("model", "m") == b'{"model":"m" }'


def test_places_are_counted_right_after_wide_characters() -> None:
    body = '{"a":"é你😀","model":"旧","b":"😀"}'
    assert json.loads(JsonObject.parse(body.encode()).with_member("model", "新")) == {
        "a": "é你😀",
        "model": "新",
        "b": "😀",
    }


def test_of_a_duplicate_name_the_last_value_holds_and_is_replaced() -> None:
    read = JsonObject.parse(b'{"model":"a","x":1,"mod\\u0065l":"b"}')
    assert read.get("model") == "b"
    assert read.with_member("model", "c") == b'{"model":"a","x":1,"mod\\u0065l":"c"}'


def test_a_byte_order_mark_is_removed() -> None:
    read = JsonObject.parse(b'\xef\xbb\xbf{"a":1}')
    assert read.body == b'{"a":1}'
    assert read.with_member("a", 2) == b'{"a":2}'


def test_numbers_of_any_length_pass() -> None:
    body = b'{"n":' + b"9" * 10_000 + b',"m":[' + b"1" * 9_000 + b',1],"model":null}'
    assert JsonObject.parse(body).with_member("model", "x") == body.replace(b"null", b'"x"')


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"a": 1,\n "b": }', "line 2 column 7"),
        (b'{"a": "\xff"}', "not UTF-8 (at byte 7)"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": [-Infinity]}', "-Infinity is no JSON number"),
        (b"[1]", "must be a JSON object, but got an array"),
        (b'"a"', "but got a string"),
        (b"null", "but got null"),
        (b'{"a":' + b"[" * 1_000_000, "nested too deeply"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b"{" + b",".join(b'"%d":1' % n for n in range(MAX_MEMBERS + 1)) + b"}", "more than 10000 members"),
    ],
)
def test_what_is_wrong_with_a_body_is_told(body: bytes, told: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        JsonObject.parse(body)
    assert told in str(caught.value)

"""Server-sent events: framing on bytes, however they are cut."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.wire.sse import DONE, KEEP_ALIVE, ServerSentEvent, SseDecoder, encode_event
from domain.errors import UpstreamProtocolError
from tests.adapters.wire.cuts import LINE_ENDS, pieces

VALUES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)
FIELDS = st.one_of(
    st.builds("data: {}".format, VALUES),
    st.builds("data:{}".format, VALUES),
    st.builds("event: {}".format, VALUES),
    st.builds(": {}".format, VALUES),
    st.builds("id: {}".format, VALUES),
    st.sampled_from(["data", "retry: 3", "event", "", "", "datax: no", "\u2028", "data: \x0b\x0c\x1c\x85"]),
)


def decode(*data: bytes) -> list[ServerSentEvent]:
    decoder = SseDecoder()
    return [event for piece in data for event in decoder.feed(piece)] + decoder.finish()


def payloads(*data: bytes) -> list[bytes]:
    return [event.data for event in decode(*data)]


def reference(lines: list[str]) -> list[ServerSentEvent]:
    """The standard's algorithm, line by line, with a blank line at the end."""
    events: list[ServerSentEvent] = []
    name, data = "", ""
    for line in [*lines, ""]:
        if not line:
            if data:
                events.append(ServerSentEvent(event=name, data=data[:-1].encode()))
            name, data = "", ""
        elif not line.startswith(":"):
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "data":
                data += value + "\n"
            elif key == "event":
                name = value
    return events


@given(data=st.data(), lines=st.lists(FIELDS, max_size=12), bom=st.booleans(), ended=st.booleans())
def test_however_a_stream_is_cut_and_its_lines_end_the_events_are_those_of_the_standard(
    data: st.DataObject, lines: list[str], *, bom: bool, ended: bool
) -> None:
    wire = b"\xef\xbb\xbf" if bom else b""
    for line in lines:
        end = data.draw(LINE_ENDS)
        # CR, and then LF to end an empty line, would be one line end.
        wire += line.encode() + (b"\r\n" if not line and wire.endswith(b"\r") else end)
    if not ended and lines and lines[-1]:
        wire = wire.rstrip(b"\r\n")
    assert decode(*data.draw(pieces(wire))) == reference(lines)


@given(data=st.data(), junk=st.binary(max_size=60))
def test_the_events_of_any_bytes_do_not_depend_on_their_cutting(data: st.DataObject, junk: bytes) -> None:
    assert decode(*data.draw(pieces(junk))) == decode(junk)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_comes_out_with_the_last_byte_of_its_blank_line(end: bytes) -> None:
    decoder = SseDecoder()
    wire = b"data: 1" + end + end
    early = [event for at in range(len(wire) - 1) for event in decoder.feed(wire[at : at + 1])]
    # Of CRLF, the CR alone ends the line.
    assert len(early) == (1 if end == b"\r\n" else 0)
    assert [event.data for event in early + decoder.feed(wire[-1:])] == [b"1"]


def test_a_blank_line_ended_by_cr_waits_for_nothing_and_swallows_the_lf_that_follows() -> None:
    decoder = SseDecoder()
    assert [event.data for event in decoder.feed(b"data: 1\r\n\r")] == [b"1"]
    assert decoder.feed(b"") == []
    assert [event.data for event in decoder.feed(b"\ndata: 2\r\r")] == [b"2"]
    # The swallowed LF is one line end with its CR: the next one is a blank line of its own.
    assert [event.data for event in decoder.feed(b"\ndata: 3\n\n")] == [b"3"]


def test_the_examples_of_the_standard() -> None:
    assert payloads(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [b"YHOO\n+2\n10"]
    assert payloads(
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    ) == [
        b"first event",
        b"second event",
        b" third event",
    ]
    assert payloads(b"data\n\ndata\ndata\n\n") == [b"", b"\n"]
    assert payloads(b"data:test\n\ndata: test\n\n") == [b"test", b"test"]


def test_an_event_has_the_name_it_was_given_and_the_next_one_has_none() -> None:
    assert decode(b"event: error\ndata: a\n\ndata: b\n\nevent:  lost\n\ndata: c\nevent:  c\n\n") == [
        ServerSentEvent(event="error", data=b"a"),
        ServerSentEvent(event="", data=b"b"),
        ServerSentEvent(event=" c", data=b"c"),
    ]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_only_cr_and_lf_end_a_line(separator: str) -> None:
    assert payloads(f"data: a{separator}b\n\n".encode()) == [f"a{separator}b".encode()]


def test_a_byte_order_mark_is_dropped_at_the_start_only_even_when_it_is_cut() -> None:
    assert payloads(b"\xef", b"\xbb", b"\xbfdata: \xef\xbb\xbf1\n\n") == [b"\xef\xbb\xbf1"]
    assert payloads(b"data: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n") == [b"1"]


def test_an_event_without_its_blank_line_comes_out_at_the_end() -> None:
    assert payloads(b"data: 1\n\ndata: [DONE]") == [b"1", b"[DONE]"]
    assert payloads(b"data: 1\n") == [b"1"]
    assert payloads(b"event: x\n: comment") == []


@pytest.mark.parametrize("endless", [b"data: " + b"x" * 50, b"data: xxxx\n" * 20, b": " + b"x" * 50, b"data:\n" * 200])
def test_an_endless_event_is_the_upstreams_fault_before_it_fills_the_memory(endless: bytes) -> None:
    for size in (1, 7, len(endless)):
        decoder = SseDecoder(max_event_bytes=40)
        cut = [endless[at : at + size] for at in range(0, len(endless), size)]
        with pytest.raises(UpstreamProtocolError, match="endless event: more than 40 bytes"):
            [decoder.feed(piece) for piece in cut]


def test_the_limit_is_for_each_event_and_not_for_the_stream() -> None:
    decoder = SseDecoder(max_event_bytes=40)
    assert len([event for _ in range(100) for event in decoder.feed(b"data: " + b"x" * 30 + b"\n\n")]) == 100


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    indent=st.sampled_from([None, 2]),
)
@example(value={"a": "\u2028\u2029\x85\\\u2028"}, indent=2)
def test_an_encoded_event_is_one_line_for_everybody_and_the_same_json(value: object, indent: int | None) -> None:
    payload = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    event = encode_event(payload)
    # str.splitlines knows every line end that any client has ever cut at.
    assert len(event.decode().splitlines()) == 2
    assert [json.loads(each) for each in payloads(event)] == [value]


def test_json_without_line_ends_is_encoded_byte_for_byte() -> None:
    payload = '{"a": "é 你好 \\u2028 \\n",  "b":1.0}'.encode()
    assert encode_event(payload) == b"data: " + payload + b"\n\n"
    assert encode_event(b'{\r\n"a":1}') == b'data: {  "a":1}\n\n'


def test_a_keep_alive_is_no_event_and_done_is_one() -> None:
    assert payloads(KEEP_ALIVE, KEEP_ALIVE, DONE) == [b"[DONE]"]

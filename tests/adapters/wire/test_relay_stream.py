"""The relay's stream: the upstream's payloads, framed for the weakest client, and an honest end."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.relay_stream import RelayStream
from adapters.wire.relay_usage import TokenCount
from adapters.wire.sse import DONE, SseDecoder
from domain.errors import StreamInterruptedError, UpstreamProtocolError
from tests.adapters.wire.cuts import LINE_ENDS, pieces

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def chunks(draw: st.DrawFn) -> dict[str, Any]:
    more = draw(st.dictionaries(st.text(max_size=5).filter(lambda name: name != "error"), JSON, max_size=3))
    return {**more, "choices": [{"index": 0, "delta": {"content": draw(st.text(max_size=12))}, "finish_reason": None}]}


def chunk(text: str = "", *, index: int = 0, finish_reason: str | None = None, **more: object) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}, ensure_ascii=False).encode() + b"\n\n"


def relay(*data: bytes, choices: int = 1) -> bytes:
    stream = RelayStream(choices=choices)
    return b"".join([stream.feed(piece) for piece in data]) + stream.finish()


def payloads(wire: bytes) -> list[Any]:
    return [None if event.data == b"[DONE]" else json.loads(event.data) for event in SseDecoder().feed(wire)]


@given(data=st.data(), sent=st.lists(chunks(), max_size=4), indent=st.sampled_from([None, 1]))
def test_every_payload_arrives_as_the_json_it_was_however_it_was_framed_and_cut(
    data: st.DataObject, sent: list[dict[str, Any]], indent: int | None
) -> None:
    wire = b""
    for each in sent:
        end = data.draw(LINE_ENDS)
        text = json.dumps(each, ensure_ascii=False, indent=indent).encode()
        wire += b": comment" + end + end
        wire += b"".join(b"data: " + line + end for line in text.split(b"\n")) + end
    out = relay(*data.draw(pieces(wire + b"data: [DONE]\n\n")))
    assert payloads(out) == [*sent, None]
    # Two lines for each event, even for those who cut at U+2028 and its like.
    assert len(out.decode().splitlines()) == 2 * (len(sent) + 1)


def test_a_payload_on_one_line_is_relayed_byte_for_byte() -> None:
    payload = b'data: {"choices": [ {"delta":{"content":"\\u4f60 \xe5\xa5\xbd"} ,"x":1.0} ],"id":1e3 }\n\n'
    assert relay(payload, DONE) == payload + DONE


def test_events_are_handed_out_as_soon_as_they_are_whole() -> None:
    stream = RelayStream()
    first, second = chunk("a"), chunk("b")
    assert stream.feed(first[:9]) == b""
    assert stream.feed(first[9:] + second[:9]) == first
    assert stream.feed(second[9:]) == second
    assert not stream.complete


def test_after_done_nothing_more_is_handed_out() -> None:
    stream = RelayStream()
    assert stream.feed(DONE + chunk("late") + DONE) == DONE
    assert stream.complete
    assert stream.feed(chunk("later") + b"data: nonsense\n\n") == b""
    assert stream.finish() == b""


@pytest.mark.parametrize("done", [b"data: [DONE] \n\n", b"data:[DONE]\r\n\r\n", b"data:   [DONE]", b"data: [DONE]\n"])
def test_done_is_understood_with_spaces_around_it_and_without_its_blank_line(done: bytes) -> None:
    assert relay(chunk("a"), done) == chunk("a") + DONE


def test_done_before_any_finish_reason_is_the_upstreams_word() -> None:
    assert relay(chunk("a"), DONE) == chunk("a") + DONE


@pytest.mark.parametrize("usage", [b"", b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1}}\n\n'])
def test_done_is_added_once_to_a_complete_answer_that_lacks_it(usage: bytes) -> None:
    last = chunk(finish_reason="stop")
    stream = RelayStream()
    assert stream.feed(chunk("a") + last + usage) == chunk("a") + last + usage
    assert stream.finish() == DONE
    assert stream.finish() == b""
    assert stream.complete


def test_every_choice_must_have_finished() -> None:
    first, second = chunk(finish_reason="stop"), chunk(index=1, finish_reason="length")
    assert relay(first, second, choices=2).endswith(DONE)
    with pytest.raises(StreamInterruptedError):
        relay(first, choices=2)
    with pytest.raises(StreamInterruptedError):
        # Some upstreams repeat a finish_reason in the chunk with the usage.
        relay(first, first, choices=2)


def test_several_choices_may_finish_in_one_chunk_of_legacy_completions() -> None:
    wire = b'data: {"choices":[{"text":"a","finish_reason" : "stop"},{"text":"b","finish_reason":"length"}]}\n\n'
    assert relay(wire, choices=2) == wire + DONE


@pytest.mark.parametrize(
    "end",
    [
        b"",
        chunk("a"),
        chunk("a", finish_reason=""),
        chunk('"finish_reason":"stop"'),
        chunk("a") + b'data: {"choices":[{"index":0,"finish_reason":"stop"',
        chunk("a") + b"data: [DON",
        b": keep-alive\n\n",
    ],
)
def test_a_stream_that_ends_too_early_is_never_dressed_up_as_complete(end: bytes) -> None:
    stream = RelayStream()
    assert b"DONE" not in stream.feed(end)
    with pytest.raises(StreamInterruptedError, match=r"text so far is incomplete; send the request again"):
        stream.finish()
    assert not stream.complete


def test_a_whole_last_event_counts_without_its_blank_line() -> None:
    last = chunk(finish_reason="stop")
    assert relay(chunk("a"), last[:-2]) == chunk("a") + last + DONE


@pytest.mark.parametrize("payload", [b"<x>", b"null", b"12", b'["a"]', b'{"a":1', b"DONE", b'{"error": }', b"{x}"])
def test_what_is_no_json_object_is_the_upstreams_fault(payload: bytes) -> None:
    with pytest.raises(UpstreamProtocolError, match="not a JSON object"):
        RelayStream().feed(b"data: " + payload + b"\n\n")


@pytest.mark.parametrize("then", ["feed", "finish"])
def test_good_chunks_are_handed_out_before_nonsense_in_the_same_piece_is_told(then: str) -> None:
    stream = RelayStream()
    assert stream.feed(chunk("a") + b"data: <html>\n\n" + chunk("b")) == chunk("a")
    with pytest.raises(UpstreamProtocolError):
        stream.finish() if then == "finish" else stream.feed(b"")


def test_empty_events_and_comments_are_dropped() -> None:
    assert relay(b": hi\n\ndata:\n\ndata\n\ndata:   \n\nevent: ping\n\n", chunk("a"), DONE) == chunk("a") + DONE


def test_chunks_without_choices_and_with_an_empty_error_are_chunks() -> None:
    wire = b'data: {"id":"c","error":null,"choices":[]}\n\ndata: {"type":"ping","message":{}}\n\n'
    assert relay(wire, DONE) == wire + DONE


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error":{"message":"boom","type":"x","param":null,"code":"y"}}\n\n',
        b'data: {"error" : {"message":"boom"},"choices":[{"finish_reason":"error"}]}\n\n',
    ],
)
def test_an_error_of_the_upstream_is_passed_on_as_it_is_and_ends_the_stream_without_done(event: bytes) -> None:
    stream = RelayStream()
    assert stream.feed(chunk("a") + event + DONE) == chunk("a") + event
    assert stream.complete
    assert stream.feed(DONE) == b""
    assert stream.finish() == b""


@pytest.mark.parametrize(
    ("event", "message", "code"),
    [
        (b'data: {"error":"boom"}\n\n', "boom", None),
        (b'data: {"code":"429","message":"boom"}\n\n', "boom", "429"),
        (b'data: {"object":"error","message":"boom","type":"BadRequestError","code":400}\n\n', "boom", "400"),
        (b"event: error\ndata: boom\n\n", "boom", None),
        (b'event: error\ndata: {"detail":"boom"}\n\n', "boom", None),
        (b'data: {"id":"c","choices":[],"error":{"code":7,"detail":"boom"}}\n\n', "boom", "7"),
    ],
)
def test_an_error_of_another_shape_becomes_openais(event: bytes, message: str, code: str | None) -> None:
    stream = RelayStream()
    (error,) = payloads(stream.feed(event))
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert (error["error"]["message"], error["error"]["code"]) == (message, code)
    assert stream.complete


def test_an_error_in_the_models_words_is_no_error() -> None:
    wire = chunk('{"error": {"message": "not me"}}') + chunk(delta_error="x", nested={"error": "not me either"})
    assert relay(wire, DONE) == wire + DONE


@st.composite
def wires(draw: st.DrawFn) -> bytes:
    """Streams as upstreams send them, good and bad, with lines that end in LF."""
    known = st.sampled_from(
        [
            chunk("a"),
            chunk("你好\u2028", finish_reason=None),
            chunk("x", finish_reason="stop"),
            chunk('"error" "choices" \n'),
            chunk("a", error=None),
            DONE,
            b": keep-alive\n\n",
            b"event: message\n" + chunk("named"),
            b'data: {\ndata: "choices": []}\n\n',
            b'data: {"choices":[]} \n\n',
            b'data: {"object":"error","message":"boom"}\n\n',
            b'data: {"no":"choice"}\n\n',
            b'data: {"error":{"message":"boom"}}\n\n',
            b"data: nonsense\n\n",
            b"\n",
            b"data: {\n\n",
            b"\xef\xbb\xbf",
        ]
    )
    return b"".join(draw(st.lists(known, max_size=7)))


def outcome(parts: list[bytes]) -> tuple[bytes, str | None]:
    """All that is handed out, and the error that follows it."""
    stream = RelayStream()
    out = b""
    try:
        for part in parts:
            out += stream.feed(part)
        return out + stream.finish(), None
    except (UpstreamProtocolError, StreamInterruptedError) as error:
        return out, type(error).__name__


@given(data=st.data(), wire=wires())
def test_what_is_handed_out_as_it_is_and_what_is_framed_anew_are_the_same(data: st.DataObject, wire: bytes) -> None:
    # With CRLF, everything is taken apart.
    expected = outcome([wire.replace(b"\n", b"\r\n")])
    assert outcome([wire]) == expected
    out, error = outcome(data.draw(pieces(wire)))
    assert (out, error) == expected


def test_a_long_event_in_many_pieces_arrives_whole() -> None:
    wire = chunk("x" * 300_000)
    assert relay(*(wire[at : at + 10_000] for at in range(0, len(wire), 10_000)), DONE) == wire + DONE


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usage_is_the_last_one_told(end: str) -> None:
    early, late = ({"prompt_tokens": 1, "completion_tokens": written} for written in (1, 7))
    wire = chunk("a", usage=early) + chunk("b", finish_reason="stop", usage=late) + chunk("", usage=None) + DONE
    stream = RelayStream()
    assert stream.usage is None
    stream.feed(wire.replace(b"\n", end.encode()))
    assert stream.usage == TokenCount(read=1, written=7)

"""Histories of tool calls, however broken, become ones that a strict upstream takes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.chat import Message, Role, TextPart, ToolCall
from domain.tool_calls import INTERRUPTED, repair

History = tuple[Message, ...]


def said(role: Role, words: str = "words") -> Message:
    return Message(role=role, content=(TextPart(text=words),))


def calling(*calls: str | tuple[str, str]) -> Message:
    """An assistant message with calls by id, or by id and tool."""
    pairs = [call if isinstance(call, tuple) else (call, "look") for call in calls]
    return Message(
        role="assistant", tool_calls=tuple(ToolCall(id=id_, name=name, arguments="{}") for id_, name in pairs)
    )


def result(id_: str | None, words: str = "result", *, name: str | None = None) -> Message:
    return Message(role="tool", content=(TextPart(text=words),), tool_call_id=id_, name=name)


def with_calls(words: str, calls: list[ToolCall]) -> Message:
    return replace(said("assistant", words), tool_calls=tuple(calls))


USER = said("user")
IDS = st.sampled_from(["", "call_0", "call_1", "a"])
NAMES = st.sampled_from(["look", "write"])
CALLS = st.builds(ToolCall, id=IDS, name=NAMES, arguments=st.just("{}"))
WORDS = st.text(alphabet="uvwxyz", min_size=12, max_size=12)
SAID = st.builds(said, st.sampled_from(["user", "system", "assistant"]), WORDS)
CALLING = st.builds(with_calls, WORDS, st.lists(CALLS, min_size=1, max_size=3))
RESULTS = st.builds(result, IDS | st.none(), WORDS, name=NAMES | st.none())
HISTORIES = st.lists(SAID | CALLING | RESULTS, max_size=12).map(tuple)


@st.composite
def whole_histories(draw: st.DrawFn) -> History:
    """What a strict upstream takes, its results in any order."""
    history: list[Message] = []
    for message in draw(st.lists(SAID | CALLING, max_size=6)):
        ids = draw(st.lists(st.sampled_from("abcd"), min_size=3, max_size=3, unique=True))
        calls = tuple(replace(call, id=id_) for call, id_ in zip(message.tool_calls, ids, strict=False))
        history.append(replace(message, tool_calls=calls))
        history.extend(draw(st.permutations([result(call.id, draw(WORDS)) for call in calls])))
    return tuple(history)


def complaint(history: Sequence[Message]) -> str:
    """Why a strict upstream refuses a history; empty when it takes it."""
    due: set[str] = set()
    for place, message in enumerate(history):
        if message.role == "tool":
            if message.tool_call_id not in due:
                return f"messages[{place}] answers no open call of the assistant message before it"
            due.remove(message.tool_call_id)
            continue
        if due:
            return f"messages[{place}] stands where results of {sorted(due)} are due"
        if message.role == "assistant":
            ids = [call.id for call in message.tool_calls]
            if not all(ids) or len(set(ids)) != len(ids) or any(len(id_) > 40 for id_ in ids):
                return f"messages[{place}] has calls without an id of their own"
            due = set(ids)
    return f"the results of {sorted(due)} are missing" if due else ""


def others(history: History) -> list[Message]:
    """All but the results, without the ids of calls."""
    return [
        replace(message, tool_calls=tuple(replace(call, id="") for call in message.tool_calls))
        for message in history
        if message.role != "tool"
    ]


def spoken(history: History) -> list[str]:
    return [message.text for message in history if message.role == "tool"]


@given(HISTORIES)
@example((calling("a", "a"), result("a", "1"), result("a", "2")))
@example((calling("", ""), calling(""), result(None, "1"), result("", "2"), USER, result("", "3")))
def test_whatever_the_history_a_strict_upstream_takes_what_becomes_of_it(history: History) -> None:
    mended, notes = repair(history)
    assert complaint(mended) == ""
    assert (mended is history) == (notes == ()) == (complaint(history) == "")


@given(HISTORIES)
def test_all_that_is_no_result_stays_as_it_is_and_in_its_order(history: History) -> None:
    mended, _ = repair(history)
    assert others(mended) == others(history)


@given(HISTORIES)
def test_an_id_that_is_one_in_its_message_is_kept(history: History) -> None:
    mended, _ = repair(history)
    calling_ = ([message for message in each if message.tool_calls] for each in (history, mended))
    for before, after in zip(*calling_, strict=True):
        kept = [call.id for call in before.tool_calls if call.id]
        assert [call.id for call in after.tool_calls if call.id in kept] == list(dict.fromkeys(kept))


@given(HISTORIES)
def test_what_has_been_repaired_needs_no_further_repair(history: History) -> None:
    mended, _ = repair(history)
    again, notes = repair(mended)
    assert again is mended
    assert notes == ()


@given(HISTORIES)
def test_the_same_history_is_repaired_the_same_way(history: History) -> None:
    assert repair(history) == repair(tuple(replace(message) for message in history))


@given(HISTORIES)
def test_no_result_is_invented_but_the_one_that_says_so_and_none_is_told_twice(history: History) -> None:
    mended, _ = repair(history)
    found = [words for words in spoken(mended) if words != INTERRUPTED]
    left = spoken(history)
    for words in found:
        left.remove(words)


@given(HISTORIES)
def test_the_notes_say_nothing_of_what_was_said(history: History) -> None:
    _, notes = repair(history)
    for note in notes:
        assert note.endswith(".")
        assert "\n" not in note
        assert not any(message.text in note for message in history)


@given(whole_histories())
def test_a_whole_history_is_left_alone(history: History) -> None:
    mended, notes = repair(history)
    assert mended is history
    assert notes == ()


def test_a_late_result_is_moved_to_its_call() -> None:
    call, late = calling("a", "b"), result("b", "late")
    mended, notes = repair((call, result("a", "1"), USER, late))
    assert mended == (call, result("a", "1"), late, USER)
    assert notes == ("The result of tool call 'b' of 'look' stood too late and was moved to its call.",)


def test_a_call_without_a_result_is_told_to_have_been_interrupted_even_at_the_end() -> None:
    mended, notes = repair((calling("a"), USER, calling("b")))
    assert mended == (calling("a"), result("a", INTERRUPTED), USER, calling("b"), result("b", INTERRUPTED))
    assert notes == (
        "There was no result of tool call 'a' of 'look': it was given as interrupted.",
        "There was no result of tool call 'b' of 'look': it was given as interrupted.",
    )


@pytest.mark.parametrize("id_", ["x", "", None])
def test_a_result_of_no_call_is_dropped(id_: str | None) -> None:
    mended, notes = repair((USER, result(id_), USER))
    assert mended == (USER, USER)
    assert len(notes) == 1
    assert "dropped" in notes[0]


def test_a_result_before_its_call_is_of_no_call() -> None:
    mended, notes = repair((result("a"), calling("a")))
    assert mended == (calling("a"), result("a", INTERRUPTED))
    assert notes[0] == "A tool result was dropped: no call has the id 'a' before it."


def test_of_several_results_of_a_call_the_last_one_counts() -> None:
    mended, notes = repair((calling("a", "b"), result("a", "1"), result("b", "2"), result("a", "3")))
    assert mended == (calling("a", "b"), result("a", "3"), result("b", "2"))
    assert notes == ("An earlier result of tool call 'a' of 'look' was dropped: the last one counts.",)


def test_an_id_that_is_used_in_every_turn_means_the_latest_call() -> None:
    turns = (calling("call_0"), result("call_0", "1"), USER, calling("call_0"), result("call_0", "2"))
    assert repair(turns) == (turns, ())
    mended, _ = repair((calling("call_0"), USER, calling("call_0"), USER, result("call_0", "2")))
    assert spoken(mended) == [INTERRUPTED, "2"]


def test_calls_without_ids_are_given_some_and_take_the_results_without_ids_in_their_order() -> None:
    history = (calling("", "a", ""), result("", "1"), result("a", "2"), result(None, "3"))
    mended, notes = repair(history)
    first, _, last = (call.id for call in mended[0].tool_calls)
    assert mended[1:] == (result(first, "1"), result("a", "2"), result(last, "3"))
    assert first != last
    assert all(id_.startswith("call_") and len(id_) <= 40 for id_ in (first, last))
    assert len(notes) == 2


def test_a_made_id_is_the_same_when_the_history_has_grown() -> None:
    history = (USER, calling(""), result(""), USER)
    grown = (*history, calling(""), result(""))
    assert repair(grown)[0][:4] == repair(history)[0]
    assert repair(grown)[0][4].tool_calls[0].id != repair(grown)[0][1].tool_calls[0].id


def test_a_result_without_an_id_goes_to_the_call_of_the_tool_that_it_names() -> None:
    history = (calling(("", "look"), ("", "write")), result("", "w", name="write"), result("", "l", name="look"))
    mended, _ = repair(history)
    by_id = {message.tool_call_id: message.text for message in mended[1:]}
    assert [by_id[call.id] for call in mended[0].tool_calls] == ["l", "w"]


def test_a_result_without_an_id_belongs_to_the_latest_calls_before_it() -> None:
    mended, _ = repair((calling(""), USER, calling(""), result("", "of the second")))
    assert spoken(mended) == [INTERRUPTED, "of the second"]
    mended, _ = repair((calling(""), USER, calling("a"), result("a", "2"), result("", "of the first")))
    assert spoken(mended) == ["of the first", "2"]


def test_calls_side_by_side_told_as_several_messages_take_their_results_in_order() -> None:
    mended, _ = repair((calling(""), calling(""), result("", "1"), result("", "2")))
    assert spoken(mended) == ["1", "2"]
    assert [message.role for message in mended] == ["assistant", "tool", "assistant", "tool"]


def test_two_calls_of_one_id_in_one_message_are_told_apart() -> None:
    mended, notes = repair((calling("look", "look"), result("look", "1"), result("look", "2")))
    first, second = (call.id for call in mended[0].tool_calls)
    assert first == "look"
    assert mended[1:] == (result(first, "1"), result(second, "2"))
    assert notes == (f"A call of 'look' shared the id 'look' with another, so it was given the id {second}.",)


def test_an_id_of_any_length_or_kind_is_shown_short_and_on_one_line() -> None:
    _, notes = repair((result("x\n" * 5000),))
    assert len(notes[0]) < 300
    assert "\n" not in notes[0]


@pytest.mark.parametrize("id_", ["", "a"])
def test_a_crowd_of_calls_and_results_is_repaired_in_no_time(id_: str) -> None:
    many = 20_000
    in_one = (calling(*[id_] * many), *[result(id_)] * many)
    in_many = (*[calling(id_)] * many, *[result(id_, name="write")] * many)
    for history in (in_one, in_many, (*[calling(id_), USER] * many, *[result(id_)] * many)):
        assert complaint(repair(history)[0]) == ""

"""The arguments of tool calls, and how far LangChain's forgiving reading of them is kept in bounds."""

from contextlib import suppress

import pytest
from hypothesis import given
from langchain_core.utils.json import parse_partial_json

from adapters.langchain.tool_arguments import end_of_arguments, read_tool_calls
from domain.chat import ToolCall
from tests.adapters.langchain.arguments import ARGUMENTS


@given(ARGUMENTS)
def test_langchain_reads_arguments_with_their_end_as_strictly_as_we_do(text: str) -> None:
    good, broken = read_tool_calls([ToolCall(id="c", name="f", arguments=text)])
    ended = text + end_of_arguments(text)
    read: object = None
    with suppress(ValueError):
        read = parse_partial_json(ended) if ended else {}
    if broken:
        assert not isinstance(read, dict)
        assert (broken[0]["args"], broken[0]["id"], broken[0]["name"]) == (text, "c", "f")
        assert broken[0]["error"]
    else:
        assert read == good[0]["args"]
        assert ended == text or not text.strip()


@pytest.mark.parametrize("text", ['{"a": ' * 100_000, '{"a": ' + "9" * 5_000 + "}"])
def test_arguments_beyond_all_measure_are_a_broken_call(text: str) -> None:
    good, broken = read_tool_calls([ToolCall(id="c", name="f", arguments=text)])
    assert (good, len(broken)) == ([], 1)
    assert end_of_arguments(text) == ""


def test_a_line_end_in_a_string_is_forgiven() -> None:
    good, _ = read_tool_calls([ToolCall(id="c", name="f", arguments='{"a": "x\ny"}')])
    assert good[0]["args"] == {"a": "x\ny"}

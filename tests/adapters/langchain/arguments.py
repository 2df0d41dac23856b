"""Arguments of tool calls, good and bad, for Hypothesis."""

import json

from hypothesis import strategies as st

_TEXTS = st.text(max_size=5)
ARGUMENTS = st.one_of(
    st.dictionaries(_TEXTS, st.integers() | _TEXTS | st.lists(_TEXTS, max_size=2), max_size=2).map(json.dumps),
    st.sampled_from(["", " ", "null", "[1]", "{", '{"a": [', '{"a": "b\\', '{"a": 1} x', '{"a": 1}{"b": 2}', '"}']),
    st.text(alphabet='{}[]":,\\ a1\n', max_size=8),
)

"""Any conversation, with every field of all that it holds, those to come included."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from datetime import timedelta
from typing import Any, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.chat import ChatResponse, Choice
from domain.conversation import AnswerState, Conversation, Turn

TEXTS = st.text(max_size=8) | st.sampled_from(["你好", "\u2028\x00", "```\n", "'%_\\", "é😀"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=2)
SCALARS: Mapping[object, st.SearchStrategy[Any]] = {
    str: TEXTS,
    float: st.floats(allow_nan=False),
    timedelta: st.timedeltas(),
    tuple[Choice, ...]: st.deferred(lambda: st.lists(whole(Choice), min_size=1, max_size=2).map(tuple)),
}


def by_hint(hint: Any) -> st.SearchStrategy[Any]:
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        return st.deferred(lambda: whole(hint))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return st.lists(by_hint(arguments[0]), max_size=2).map(tuple)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return OBJECTS
    if type(None) in arguments or (arguments and all(is_dataclass(each) for each in arguments)):
        return st.one_of([by_hint(each) for each in arguments])
    anything: st.SearchStrategy[Any] = st.from_type(cast("type[Any]", hint))
    return anything


def whole(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: by_hint(hint) for name, hint in get_type_hints(kind).items()})


def as_the_domain_makes_them(conversation: Conversation) -> Conversation:
    """At most the last turn is unsettled, and no answer bears a number that is still to come."""
    settled = {AnswerState.ASKED: AnswerState.COMPLETE, AnswerState.RUNNING: AnswerState.FAILED}

    def at(place: int, turn: Turn) -> Turn:
        state = turn.answer.state
        if place < len(conversation.turns) - 1:
            state = settled.get(state, state)
        return replace(turn, answer=replace(turn.answer, state=state))

    turns = tuple(at(place, turn) for place, turn in enumerate(conversation.turns))
    attempts = max([conversation.attempts, *(turn.answer.attempt for turn in turns)])
    return replace(conversation, turns=turns, attempts=attempts)


CONVERSATIONS: st.SearchStrategy[Conversation] = whole(Conversation).map(as_the_domain_makes_them)
RESPONSES: st.SearchStrategy[ChatResponse] = whole(ChatResponse)

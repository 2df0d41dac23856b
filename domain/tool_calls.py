"""Tool calls and their results, made whole.

Strict upstreams refuse a history whose calls and results do not match, and agents leave such behind: they are
interrupted, run calls side by side, cut off old turns, or lose an id on the way.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from domain.chat import Message, TextPart, ToolCall

INTERRUPTED = "The tool call was interrupted; no result is known."
ID_DIGITS = 24
LONGEST_SHOWN = 64


def repair(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """A history that strict upstreams take, and one sentence for each repair.

    Afterwards every assistant message is directly followed by exactly one result for each of its calls, whose ids
    differ, and a result stands nowhere else. A history that is whole already comes back as the same object. The
    sentences name ids and tools, and nothing of what was said.
    """
    history = _History()
    for index, message in enumerate(messages):
        history.take(index, message)
    mended = history.mended(messages)
    return (mended, tuple(history.notes)) if history.notes else (messages, ())


@dataclass(slots=True)
class _Slot:
    """A call, and the result found for it, which stood at `found_at`."""

    call: ToolCall
    result: Message | None = None
    found_at: int = -1

    def __str__(self) -> str:
        return f"tool call {_shown(self.call.id)} of {_shown(self.call.name)}"


@dataclass(slots=True)
class _Calls:
    """Calls among which a result finds its own."""

    latest: _Slot | None = None
    _waiting: deque[_Slot] = field(default_factory=deque[_Slot])
    _by_tool: dict[str | None, deque[_Slot]] = field(default_factory=dict[str | None, deque[_Slot]])

    def add(self, slot: _Slot) -> None:
        self.latest = slot
        self._waiting.append(slot)
        self._by_tool.setdefault(slot.call.name, deque()).append(slot)

    def first_waiting(self, tool: str | None) -> _Slot | None:
        """The first call without a result; one of this tool, if there is one."""
        for waiting in (self._by_tool.get(tool), self._waiting):
            while waiting and waiting[0].result is not None:
                waiting.popleft()
            if waiting:
                return waiting[0]
        return None


@dataclass(slots=True)
class _Turn:
    """A message that stays, where it stood, and its calls in their order."""

    index: int
    message: Message
    slots: list[_Slot] = field(default_factory=list[_Slot])


@dataclass(slots=True)
class _History:
    """A history as far as it has been read: a result belongs to a call before it, or to none."""

    notes: list[str] = field(default_factory=list[str])
    _turns: list[_Turn] = field(default_factory=list[_Turn])
    # By id, the calls of the latest message that has this id: some upstreams begin anew with call_0 in every turn.
    _by_id: dict[str, _Calls] = field(default_factory=dict[str, _Calls])
    # Calls that had no id, those of neighbouring messages together: calls made side by side may be told as several
    # messages in a row, with their results behind the last one.
    _without_id: list[_Calls] = field(default_factory=list[_Calls])
    _calls_at: int = -2  # where the last message with calls stood; at first, beside no message

    def take(self, index: int, message: Message) -> None:
        if message.role == "tool":
            self._take_result(index, message)
        elif message.role == "assistant" and message.tool_calls:
            self._take_calls(index, message)
        else:
            self._turns.append(_Turn(index, message))

    def _take_calls(self, index: int, message: Message) -> None:
        calls = _with_ids(index, message.tool_calls)
        kept = message if calls == message.tool_calls else replace(message, tool_calls=calls)
        turn = _Turn(index, kept, [_Slot(call) for call in calls])
        self._turns.append(turn)
        if self._calls_at != index - 1:
            self._without_id.append(_Calls())
        self._calls_at = index
        ours: dict[str, _Calls] = {}
        for written, slot in zip(message.tool_calls, turn.slots, strict=True):
            (ours.setdefault(written.id, _Calls()) if written.id else self._without_id[-1]).add(slot)
            if written.id != slot.call.id:
                had = f"shared the id {_shown(written.id)} with another" if written.id else "had no id"
                self.notes.append(f"A call of {_shown(written.name)} {had}, so it was given the id {slot.call.id}.")
        self._by_id.update(ours)

    def _take_result(self, index: int, message: Message) -> None:
        given = message.tool_call_id
        slot = self._slot_for(message)
        if slot is None:
            why = f"no call has the id {_shown(given)} before it" if given else "it has no id, and no call waits for it"
            self.notes.append(f"A tool result was dropped: {why}.")
            return
        if slot.result is not None:
            self.notes.append(f"An earlier result of {slot} was dropped: the last one counts.")
        slot.result = message if given == slot.call.id else replace(message, tool_call_id=slot.call.id)
        slot.found_at = index

    def _slot_for(self, result: Message) -> _Slot | None:
        if result.tool_call_id:
            calls = self._by_id.get(result.tool_call_id)
            return None if calls is None else calls.first_waiting(result.name) or calls.latest
        while self._without_id:
            if (slot := self._without_id[-1].first_waiting(result.name)) is not None:
                return slot
            self._without_id.pop()
        return None

    def mended(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The messages that stay, each call with its result behind it; what had to be moved or made is noted."""
        whole: list[Message] = []
        for turn in self._turns:
            whole.append(turn.message)
            if turn.slots:
                whole.extend(self._results(turn, _end_of_results(turn.index + 1, messages)))
        return tuple(whole)

    def _results(self, turn: _Turn, end: int) -> list[Message]:
        """A turn's results, in the order of its calls; `end` is where those that stood behind it ended."""
        slots = sorted(turn.slots, key=lambda slot: slot.found_at)
        if [slot.found_at for slot in slots] != list(range(turn.index + 1, turn.index + 1 + len(slots))):
            slots = turn.slots
        results: list[Message] = []
        for slot in slots:
            if slot.result is None:
                self.notes.append(f"There was no result of {slot}: it was given as interrupted.")
            elif slot.found_at >= end:
                self.notes.append(f"The result of {slot} stood too late and was moved to its call.")
            results.append(slot.result or _interrupted(slot.call))
        return results


def _with_ids(index: int, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """The calls of a message with ids that differ; made ones tell the position, so they are the same every time."""
    taken = {call.id for call in calls}
    seen = {""}
    whole: list[ToolCall] = []
    for number, call in enumerate(calls):
        if call.id in seen:
            made = _made_id(index, number, taken)
            taken.add(made)
            whole.append(replace(call, id=made))
        else:
            whole.append(call)
        seen.add(call.id)
    return tuple(whole)


def _made_id(index: int, number: int, taken: set[str]) -> str:
    place = f"{index}.{number}"
    while (made := f"call_{sha256(place.encode()).hexdigest()[:ID_DIGITS]}") in taken:
        place = f"{place}."
    return made


def _end_of_results(start: int, messages: Sequence[Message]) -> int:
    end = start
    while end < len(messages) and messages[end].role == "tool":
        end += 1
    return end


def _interrupted(call: ToolCall) -> Message:
    return Message(role="tool", content=(TextPart(text=INTERRUPTED),), tool_call_id=call.id)


def _shown(name: str | None) -> str:
    return repr((name or "")[:LONGEST_SHOWN])

"""Tool calls as they stream in, put together whatever the upstream makes of their numbers and names."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.wire.wire_values import text_in
from domain.events import ToolCallDelta


@dataclass(slots=True, kw_only=True)
class _Call:
    """A tool call under way; `arguments` are held back until its name is known."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    told: bool = False


class ToolCallReader:
    """Numbers tool calls from 0 in the order of their appearance, whatever the upstream makes of `index` and `id`.

    The first delta of each call has its id and name; where the upstream gives no id, one is made from the answer's id.
    """

    def __init__(self, choice: int, answer_id: str) -> None:
        self._choice = choice
        self._answer_id = answer_id
        self._calls: list[_Call] = []
        self._by_wire_index: dict[int, _Call] = {}

    def read(self, wire: Mapping[str, Any]) -> Iterator[ToolCallDelta]:
        function: object = wire.get("function")
        members = cast("dict[str, Any]", function) if isinstance(function, dict) else {}
        call_id, name = text_in(wire.get("id")), text_in(members.get("name"))
        call = self._find(wire.get("index"), call_id, name)
        call.id = call.id or call_id
        call.name = call.name or name
        call.arguments += _arguments_in(members.get("arguments"))
        if call.name and (call.arguments or not call.told):
            yield self._tell(call)

    def flush(self) -> Iterator[ToolCallDelta]:
        """Calls that never got a name."""
        for call in self._calls:
            if not call.told or call.arguments:
                yield self._tell(call)

    def _find(self, wire_index: object, call_id: str, name: str) -> _Call:
        """The call that a delta belongs to, or a new one.

        By its index, unless another id *and* another name come under the same index: then it is the next call. Without
        an index by its id; with neither, a name begins a new call and anything else continues the last one.
        """
        if isinstance(wire_index, int):
            call = self._by_wire_index.get(wire_index)
            if call is None or (name and call.name and call_id and call.id and call_id != call.id):
                call = self._by_wire_index[wire_index] = self._new()
            return call
        known = next((call for call in self._calls if call_id and call.id == call_id), None)
        if known is not None:
            return known
        return self._calls[-1] if self._calls and not call_id and not name else self._new()

    def _new(self) -> _Call:
        call = _Call(index=len(self._calls))
        self._calls.append(call)
        return call

    def _tell(self, call: _Call) -> ToolCallDelta:
        arguments, call.arguments = call.arguments, ""
        if call.told:
            return ToolCallDelta(index=call.index, arguments=arguments, choice=self._choice)
        call.told = True
        call.id = call.id or self._made_up_id(call.index)
        return ToolCallDelta(index=call.index, id=call.id, name=call.name, arguments=arguments, choice=self._choice)

    def _made_up_id(self, index: int) -> str:
        # Distinct over a conversation, and within the 40 characters that OpenAI allows.
        place = f"{self._answer_id}/{index}" if self._choice == 0 else f"{self._answer_id}/{self._choice}/{index}"
        return "call_" + hashlib.sha256(place.encode(errors="replace")).hexdigest()[:24]


def _arguments_in(wire: object) -> str:
    # Some upstreams give the arguments parsed.
    return json.dumps(wire, ensure_ascii=False) if isinstance(wire, dict) else text_in(wire)

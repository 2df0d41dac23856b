"""An upstream's OpenAI stream on its way to the caller: payloads as they were, framing for the weakest client.

Chat completions and legacy completions share this form. A chunk's JSON is parsed only where it may end the answer.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from adapters.wire.openai_errors import reshape_upstream_error, tells_error
from adapters.wire.sse import DONE, ServerSentEvent, SseDecoder, encode_event
from domain.errors import StreamInterruptedError, UpstreamProtocolError

_DONE_PAYLOAD = b"[DONE]"
# Quotes inside a JSON string are escaped, so neither pattern can match within the model's text.
_FINISH_REASON = re.compile(rb'"finish_reason"\s*:\s*"[^"]')
_ERROR = b'"error"'
_CHOICES = b'"choices"'
# An error in mid-stream has no status of its own: the status line said 200.
_STATUS_OF_BROKEN_STREAM = 500


class RelayStream:
    """One answer in passing; `choices` is how many the caller asked for.

    Both methods raise UpstreamProtocolError when the upstream sends what is not a stream of JSON objects, once all that
    came before it has been handed out.
    """

    __slots__ = ("_broken", "_choices", "_complete", "_decoder", "_finished")

    def __init__(self, *, choices: int = 1) -> None:
        self._choices = choices
        self._decoder = SseDecoder()
        self._finished: set[object] = set()
        self._complete = False
        self._broken: UpstreamProtocolError | None = None

    @property
    def complete(self) -> bool:
        """The end, or an error of the upstream, has been handed out; nothing more will be."""
        return self._complete

    def feed(self, data: bytes) -> bytes:
        """What to hand out now; may be empty."""
        if self._broken is not None:
            raise self._broken
        return b"" if self._complete else self._pass_all(self._decoder.feed(data))

    def finish(self) -> bytes:
        """What to hand out last, at the upstream's clean end. Raises StreamInterruptedError if it came too early."""
        if self._broken is not None:
            raise self._broken
        if self._complete:
            return b""
        last = self._pass_all([event for event in self._decoder.finish() if _is_whole(event)])
        if self.complete:
            return last
        if len(self._finished) < self._choices:
            raise StreamInterruptedError(
                "The upstream ended its stream before the answer was complete: neither [DONE] nor every finish_reason "
                "came. The text so far is incomplete; send the request again."
            )
        self._complete = True
        return last + DONE

    def _pass_all(self, events: list[ServerSentEvent]) -> bytes:
        passed: list[bytes] = []
        try:
            passed.extend(self._pass_on(event) for event in events)
        except UpstreamProtocolError as error:
            if not passed:
                raise
            # What came in the same piece before the nonsense is good.
            self._broken = error
        return b"".join(passed)

    def _pass_on(self, event: ServerSentEvent) -> bytes:
        payload = event.data.strip()
        if self._complete or not payload:
            return b""
        if payload == _DONE_PAYLOAD:
            self._complete = True
            return DONE
        if event.event == "error":
            return self._pass_error(payload)
        if not (payload.startswith(b"{") and payload.endswith(b"}")):
            raise _not_json(payload)
        if (_ERROR in payload or _CHOICES not in payload) and tells_error(_parse(payload)):
            return self._pass_error(payload)
        if _FINISH_REASON.search(payload):
            self._note_finished(_parse(payload))
        return encode_event(event.data)

    def _pass_error(self, payload: bytes) -> bytes:
        self._complete = True
        return encode_event(reshape_upstream_error(_STATUS_OF_BROKEN_STREAM, None, payload))

    def _note_finished(self, chunk: Mapping[str, Any]) -> None:
        choices: object = chunk.get("choices")
        for position, choice in enumerate(cast("list[object]", choices) if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and cast("dict[str, object]", choice).get("finish_reason"):
                index = cast("dict[str, object]", choice).get("index", position)
                self._finished.add(index if isinstance(index, int) else position)


def _is_whole(event: ServerSentEvent) -> bool:
    """Whether an event that the end of the stream cut off had come to its end nevertheless."""
    payload = event.data.strip()
    if payload == _DONE_PAYLOAD:
        return True
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(payload: bytes) -> Mapping[str, Any]:
    """A payload that begins with a brace: if it is JSON, it is an object."""
    try:
        chunk: dict[str, Any] = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _not_json(payload) from error
    return chunk


def _not_json(payload: bytes) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"The upstream sent an event of {len(payload)} bytes that is not a JSON object. The text so far is incomplete; "
        "send the request again."
    )

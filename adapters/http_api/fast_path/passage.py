"""One request on the fast path, from when the upstream has been asked to the last byte of its answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import structlog
from starlette.types import Scope

from adapters.http_api.errors import ErrorAnswer, answer_of, internal_error
from adapters.http_api.fast_path.caller_wire import CallerWire, Ledger
from adapters.http_api.fast_path.draining import drain
from adapters.http_api.fast_path.framing import LAST_CHUNK, STREAM_FIELDS, chunk, head, returned_fields
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from adapters.http_api.operations import RelayedRequest
from adapters.http_api.relay import HANDED
from adapters.http_api.relayed_answer import (
    SHUTTING_DOWN,
    begins_like_json,
    ends_like_json,
    is_event_stream,
)
from adapters.wire.relay_stream import RelayStream
from adapters.wire.relay_usage import read_usage, usage_in
from adapters.wire.sse import KEEP_ALIVE, encode_event
from domain.errors import OCAError, StreamInterruptedError
from domain.http import Headers, find_header
from domain.words import Language
from ports.transport import Followed

_log = structlog.stdlib.get_logger("oca.relay")
# A document of more bytes than this that is not complete yet is left to the other road.
_MUCH_BYTES = 64 * 1024


class _Nobody:
    def set(self) -> None:
        """Nobody waits for messages of the fast path."""


class Passage:
    """Looks at what there is whenever there is news, and passes it on.

    uvicorn takes it for the `RequestResponseCycle` of its request, and knows the first four attributes.
    """

    response_complete = False
    disconnected = False
    keep_alive = True
    message_event = _Nobody()

    _framing: RelayStream | None = None
    _ending: asyncio.Future[None] | None = None
    _tick_at: asyncio.TimerHandle | None = None
    _returned: Sequence[tuple[str, str]] = ()
    _begun = False
    _running = False
    _told = False
    _status = 0
    _size = 0

    def __init__(
        self,
        scope: Scope,
        request: RelayedRequest,
        answer: Followed,
        *,
        wire: CallerWire,
        ledger: Ledger,
        keep_alive_s: float,
        language: Language,
    ) -> None:
        self.scope = scope
        self._request_id: str = scope["state"]["request_id"]
        self._request = request
        self._answer = answer
        self._wire = wire
        self._write_now = wire.write_now
        self._ledger = ledger
        self._keep_alive_s = keep_alive_s
        self._default_language = language
        if keep_alive_s > 0:
            self._loop = asyncio.get_running_loop()
            self._last_sent = self._loop.time()
            self._tick_at = self._loop.call_later(keep_alive_s, self._tick)
        answer.follow(self._news)

    # What happens to the caller.

    def caller_left(self) -> None:
        if not self.response_complete:
            self._answer.close()
            _log.info("caller went away", request_id=self._request_id)
            self._settle()

    def caller_has_room(self) -> None:
        if not self.response_complete and self._framing is not None:
            self._answer.follow(self._news)
            self._news()

    def fail(self, error: OCAError) -> None:
        """A status while there is none yet, an error event afterwards."""
        if self.response_complete:
            return
        _log.warning("relay failed", error=type(error).__name__, why=str(error), request_id=self._request_id)
        self._fail(answer_of(error, self._language))

    async def settled(self) -> None:
        """Until the answer has ended, or goes on elsewhere. Whoever is cancelled while waiting ends it."""
        if self.response_complete:
            return
        self._ending = asyncio.get_running_loop().create_future()
        try:
            await self._ending
        except asyncio.CancelledError:
            self._ending = None
            self.fail(StreamInterruptedError(SHUTTING_DOWN))

    # What happens to the answer.

    def _news(self) -> None:
        try:
            if self._framing is not None:
                self._pass_on(self._framing)
            elif self._answer.begun():
                self._look_at_head()
            elif self._answer.failure() is not None:
                self._hand_over()
        except OCAError as error:
            self.fail(error)
        except Exception:  # noqa: BLE001 - the event loop would take it for a fault of the upstream
            # The last catch before the event loop: the caller gets an answer, the log the cause.
            _log.exception("request failed", path=self.scope["path"], request_id=self._request_id)
            self._fail(internal_error(self._request_id, self._language))

    def _look_at_head(self) -> None:
        answer = self._answer
        headers = answer.headers
        content_type = find_header(headers, "content-type")
        events = content_type is not None and is_event_stream(content_type)
        if not 200 <= answer.status < 300 or answer.coded or events is not self._request.streamed:  # noqa: PLR2004
            self._hand_over()
        elif events:
            self._returned = returned_fields(headers)
            self._framing = RelayStream(choices=self._request.choices)
            self._ledger.metrics.stream_begins()
            self._running = True
            self._pass_on(self._framing)
        else:
            self._pass_document(content_type or "application/json", headers)

    def _pass_document(self, content_type: str, headers: Headers) -> None:
        answer = self._answer
        body = answer.whole()
        if body is None:
            if answer.unread > _MUCH_BYTES or not answer.going_on():
                self._hand_over()
            return
        if not (begins_like_json(body) and ends_like_json(body)):
            self._hand_over()
            return
        fields = returned_fields(headers)
        fields += (("content-type", content_type), ("content-length", str(len(body))))
        above = self._head(answer.status, fields)
        answer.close()
        self._size = len(body)
        self._write_now(above + body)
        self._ledger.metrics.used(read_usage(usage_in(body)))
        self._complete()

    def _pass_on(self, framing: RelayStream) -> None:
        answer = self._answer
        if self._wire.congested:
            answer.unfollow()
            return
        piece = answer.taken()
        if piece:
            events = framing.feed(piece)
            if events:
                self._send_events(events)
            if framing.complete:
                self._end(framing)
                return
        if answer.going_on():
            return
        if answer.over():
            last = framing.finish()
            if last:
                self._send_events(last)
            self._end(framing)
            return
        failure = answer.failure()
        if failure is not None:
            raise failure

    def _send_events(self, events: bytes) -> None:
        if not self._told:
            self._told = True
            self._ledger.metrics.first_token(perf_counter() - self._request.begun_s)
        self._size += len(events)
        self._write(chunk(events))

    def _write(self, framed: bytes) -> None:
        """A piece of a stream, after its head if it is the first."""
        if not self._begun:
            framed = self._head(200, self._returned, STREAM_FIELDS) + framed
        self._write_now(framed)
        if self._keep_alive_s:
            self._last_sent = self._loop.time()

    def _end(self, framing: RelayStream) -> None:
        self._write(LAST_CHUNK)
        self._ledger.metrics.used(framing.usage)
        if not self._answer.over():
            # After [DONE] its end is a few bytes away; reading them lets its connection be used again.
            drain(self._answer)
        self._complete()

    def _tick(self) -> None:
        """Armed for the first moment at which a comment may be due, and not anew with everything that is sent."""
        now = self._loop.time()
        due = self._last_sent + self._keep_alive_s
        if due <= now:
            if self._framing is None:
                self._hand_over()
                return
            due = now + self._keep_alive_s
            if not self._wire.congested:
                self._size += len(KEEP_ALIVE)
                self._write(chunk(KEEP_ALIVE))
        self._tick_at = self._loop.call_at(due, self._tick)

    # The end.

    def _fail(self, answer: ErrorAnswer) -> None:
        self._answer.close()
        if self._begun:
            event = encode_event(answer.body)
            self._size += len(event)
            self._write_now(chunk(event) + LAST_CHUNK)
        else:
            fields = (("content-type", "application/json"), ("content-length", str(len(answer.body))))
            self._size += len(answer.body)
            self._write_now(self._head(answer.status, (*answer.headers, *fields)) + answer.body)
        self._complete()

    def _hand_over(self) -> None:
        self._leave()
        self._answer.unfollow()
        self.scope[HANDED] = replace(self._request, asked=self._answer)
        self._wire.hand_over(self)

    def _complete(self) -> None:
        self._settle()
        self._wire.completed(self)

    def _settle(self) -> None:
        """Count it, and write its line."""
        self.response_complete = True
        self._leave()
        ledger, path = self._ledger, self.scope["path"]
        if self._running:
            ledger.metrics.stream_ends()
        ledger.metrics.answered(path, self._status)
        ledger.write(
            "request",
            request_id=self._request_id,
            method="POST",
            path=path,
            status=self._status,
            bytes_out=self._size,
            took_ms=round((perf_counter() - self._request.begun_s) * 1000, 1),
        )

    def _leave(self) -> None:
        if self._tick_at is not None:
            self._tick_at.cancel()
        if self._ending is not None:
            self._ending.set_result(None)
            self._ending = None

    @property
    def _language(self) -> Language:
        return language_of(Fields.of(self.scope), self._default_language)

    def _head(self, status: int, fields: Sequence[tuple[str, str]], more: bytes = b"") -> bytes:
        self._begun = True
        self._status = status
        return head(
            self._wire.status_line(status),
            fields,
            request_id=self._request_id,
            closing=not self.keep_alive,
            more=more,
        )

"""The way back to one caller."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from typing import Any, cast

from starlette.types import Receive, Scope, Send

from adapters.http_api.errors import ErrorAnswer
from adapters.wire.sse import KEEP_ALIVE, encode_event

# Header fields as ASGI has them.
Fields = Sequence[tuple[bytes, bytes]]
EVENT_STREAM = "text/event-stream"
STREAM_HEADERS: Fields = (
    (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-cache, no-transform"),
    # nginx and its kin would hold events back otherwise.
    (b"x-accel-buffering", b"no"),
)
# Most answers are complete by then, and nobody leaves sooner: they need no task that watches.
_UNWATCHED_S = 0.05


class Attendance:
    """Those who wait for an answer and are not watched yet: one timer for all of them. For one event loop."""

    def __init__(self) -> None:
        self._waiting: set[Caller] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, asked for once: asyncio asks the operating system for the process's number each time."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def enter(self, caller: "Caller") -> None:
        self._waiting.add(caller)
        if self._timer is None:
            self._timer = self.loop.call_later(_UNWATCHED_S, self._look)

    def leave(self, caller: "Caller") -> None:
        self._waiting.discard(caller)

    def _look(self) -> None:
        self._timer = None
        for caller in self._waiting:
            caller.watch()
        self._waiting.clear()


class Caller:
    """Knows what has been sent, lets one message through at a time, and notices when the caller goes away.

    `begun`: there is a status line, or one is on its way. `ended`: nothing may be added any more. `gone`: the caller
    has left before the end, and the task that answers was cancelled for it. A stream that is silent for `keep_alive_s`
    gets a comment; zero means never.
    """

    begun = False
    ended = False
    gone = False
    _sending = False
    _complete = False
    _unsent: Coroutine[Any, Any, None] | None = None
    _comment: asyncio.Task[None] | None = None
    _watch: asyncio.Task[None] | None = None
    _tick_at: asyncio.TimerHandle | None = None

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        attendance: Attendance,
        *,
        keep_alive_s: float,
        silent_s: float = 0.0,
    ) -> None:
        """The running task is the one that answers, until it calls `leave`. It has been silent for `silent_s`."""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._attendance = attendance
        self._keep_alive_s = keep_alive_s
        self._loop = attendance.loop
        self._answering = asyncio.current_task(self._loop)
        self._last_sent = self._loop.time() - silent_s
        if keep_alive_s > 0:
            self._tick_at = self._loop.call_at(self._last_sent + keep_alive_s, self._tick)
        attendance.enter(self)

    def leave(self) -> None:
        """Nobody answers any more."""
        self._attendance.leave(self)
        if self._tick_at is not None:
            self._tick_at.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._comment is not None:
            self._comment.cancel()
        if self._unsent is not None:
            self._unsent.close()

    def watch(self) -> None:
        """Have the answering task cancelled when the caller goes away."""
        self._watch = self._loop.create_task(self._until_gone(), name="oca-relay-watch")

    async def send_events(self, events: bytes, headers: Fields) -> None:
        if self._comment is not None:
            await self._commented()
        if self.ended:
            return
        if not self.begun:
            await self._start(200, headers)
        self._sending = True
        await self._send({"type": "http.response.body", "body": events, "more_body": True})
        self._sending = False
        self._last_sent = self._loop.time()

    def sent_at_once(self, events: bytes) -> bool:
        """Send to a caller who has had events before. False when it takes a wait, which is for `sent`."""
        if self._comment is not None or self._sending or self.ended:
            self._unsent = self.send_events(events, ())
            return False
        message = {"type": "http.response.body", "body": events, "more_body": True}
        sending = cast("Coroutine[Any, Any, None]", self._send(message))
        try:
            # A server that has room takes it without a pause; so it needs no turn of a task.
            awaited = sending.send(None)
        except StopIteration:
            self._last_sent = self._loop.time()
            return True
        self._sending = True
        self._unsent = self._rest_of(sending, awaited)
        return False

    async def sent(self) -> None:
        """Wait until what `sent_at_once` began has been sent."""
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            await unsent

    async def _rest_of(self, sending: Coroutine[Any, Any, None], awaited: object) -> None:
        await _Continued(sending, awaited)
        self._sending = False
        self._last_sent = self._loop.time()

    async def send_whole(self, status: int, headers: Fields, body: bytes) -> None:
        self.begun = self.ended = True
        sized = [*headers, (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": sized})
        self._complete = True
        await self._send({"type": "http.response.body", "body": body})

    async def send_pieces(self, status: int, headers: Fields, first: bytes, rest: AsyncIterator[bytes]) -> None:
        """An answer passed on as it comes. When it breaks, so does the connection: it must not pass for whole."""
        self.ended = True
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in rest:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._finish(b"")

    async def fail(self, answer: ErrorAnswer) -> None:
        """A status while there is none yet, an error event afterwards; nothing after the end."""
        if self.ended:
            return
        if not self.begun:
            self.begun = self.ended = self._complete = True
            await answer.response()(self._scope, self._receive, self._send)
            return
        await self.send_events(encode_event(answer.body), ())
        await self.end()

    async def end(self) -> None:
        if self._comment is not None:
            await self._commented()
        if not self.ended:
            self.ended = True
            await self._finish(b"")

    async def _start(self, status: int, headers: Fields) -> None:
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def _finish(self, body: bytes) -> None:
        self._complete = True
        await self._send({"type": "http.response.body", "body": body})

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # Servers call it a disconnect, too, when an answer is complete; what is left is to drain the upstream.
        if not self._complete and self._answering is not None:
            self.gone = True
            self._answering.cancel()

    def _tick(self) -> None:
        """Armed for the first moment at which a comment may be due, and not anew with everything that is sent."""
        now = self._loop.time()
        due = self._last_sent + self._keep_alive_s
        if due <= now:
            due = now + self._keep_alive_s
            # A message that waits for a slow caller is no silence.
            if not (self.ended or self._sending):
                self._comment = self._loop.create_task(self._say_comment(begun=self.begun), name="oca-relay-keep-alive")
                self._comment.add_done_callback(_forget)
                self.begun = True
        self._tick_at = self._loop.call_at(due, self._tick)

    async def _say_comment(self, *, begun: bool) -> None:
        if not begun:
            await self._start(200, STREAM_HEADERS)
        await self._send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
        self._last_sent = self._loop.time()

    async def _commented(self) -> None:
        """Wait for a comment on its way."""
        comment, self._comment = self._comment, None
        if comment is not None:
            await asyncio.wait([comment])


def _forget(comment: asyncio.Task[None]) -> None:
    """What went wrong with a comment will go wrong with the next message, too, and is told there."""
    if not comment.cancelled():
        comment.exception()


class _Continued:
    """The rest of a coroutine that was begun outside a task, and waits for `awaited`."""

    def __init__(self, begun: Coroutine[Any, Any, None], awaited: object) -> None:
        self._begun = begun
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        awaited = self._awaited
        try:
            while True:
                try:
                    answer = yield awaited
                except BaseException as error:  # noqa: BLE001 - whatever the task is told, cancellation included
                    awaited = self._begun.throw(error)
                else:
                    awaited = self._begun.send(answer)
        except StopIteration:
            return
        finally:
            self._begun.close()

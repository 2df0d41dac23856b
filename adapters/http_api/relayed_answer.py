"""The answer to a relayed request: the upstream's bytes, framed, kept alive, and never dressed up as complete."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import timedelta

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.http_api.errors import ErrorAnswer, answer_of
from adapters.wire.relay_headers import returned_answer_headers
from adapters.wire.relay_stream import RelayStream
from adapters.wire.sse import KEEP_ALIVE, encode_event
from domain.errors import OCAError, StreamInterruptedError, UpstreamProtocolError
from domain.http import Headers, find_header
from ports.transport import AsyncResponseStream

_log = structlog.stdlib.get_logger("oca.relay")
EVENT_STREAM = "text/event-stream"
_STREAM_HEADERS: Headers = (
    ("content-type", f"{EVENT_STREAM}; charset=utf-8"),
    ("cache-control", "no-cache, no-transform"),
    # nginx and its kin would hold events back otherwise.
    ("x-accel-buffering", "no"),
)
# How a line of an event stream begins (WHATWG HTML, section 9.2.5).
_EVENT_BEGINNINGS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_BEGINNING = max(len(beginning) for beginning in _EVENT_BEGINNINGS)
# Answers up to this size are kept until their end, so that one that breaks off becomes an error with a status.
_WHOLE_BYTES = 4 * 1024 * 1024
# After [DONE] the upstream's end is a few bytes away; reading them lets its connection be used again.
_DRAIN_S = 0.5


class RelayedAnswer(Response):
    """Opens the upstream's answer and passes it on; an ASGI response that drives itself.

    Until a byte of an answer is there, a failure becomes a status; afterwards, an error event. `streamed` tells that
    the caller asked for a stream, so that it may be kept alive before the upstream has said anything. When the caller
    goes away, the upstream's answer is closed.
    """

    def __init__(
        self,
        opening: Callable[[], Awaitable[AsyncResponseStream]],
        *,
        streamed: bool,
        choices: int,
        keep_alive: timedelta,
    ) -> None:
        super().__init__()
        self._opening = opening
        self._streamed = streamed
        self._choices = choices
        self._keep_alive_s = keep_alive.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        channel = _Channel(scope, receive, send)
        answer = asyncio.create_task(self._answer(channel), name="oca-relay")
        gone = asyncio.create_task(_disconnected(receive), name="oca-relay-watch")
        tasks = [answer, gone]
        if self._streamed and self._keep_alive_s > 0:
            tasks.append(asyncio.create_task(self._keep_alive(channel), name="oca-relay-keep-alive"))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if channel.ended:
                # Servers call it a disconnect, too, when an answer is complete; what is left is to drain the upstream.
                await answer
            elif not answer.done():
                _log.info("caller went away")
        except asyncio.CancelledError:
            # The server is shutting down and its grace period is over.
            await _ended(tasks)
            await channel.fail(StreamInterruptedError("The gateway is shutting down; this answer is incomplete."))
            # Not raised again: the answer has been ended in good order, and nothing follows it.
            return
        finally:
            await _ended(tasks)
        if answer.done() and not answer.cancelled():
            answer.result()

    async def _answer(self, channel: "_Channel") -> None:
        try:
            stream = await self._opening()
            async with aclosing(stream):
                pieces = aiter(stream)
                head = b""
                events = _is_event_stream(stream)
                if self._streamed and not events:
                    # Some upstreams stream under another type or none; clients go by what they asked for.
                    head = await _first_bytes(pieces)
                    events = head.startswith(_EVENT_BEGINNINGS)
                if events:
                    await self._pass_events(stream, _chained(head, pieces), channel)
                else:
                    await self._pass_document(stream, _chained(head, pieces), channel)
        except OCAError as error:
            _log.warning("relay failed", error=type(error).__name__, why=str(error))
            await channel.fail(error)

    async def _pass_events(
        self, stream: AsyncResponseStream, pieces: AsyncIterator[bytes], channel: "_Channel"
    ) -> None:
        headers = (*_kept(stream), *_STREAM_HEADERS)
        framing = RelayStream(choices=self._choices)
        async for piece in pieces:
            events = framing.feed(piece)
            if events:
                await channel.send_events(events, headers)
            if framing.complete:
                break
        last = framing.finish()
        if last:
            await channel.send_events(last, headers)
        await channel.end()
        await _drain(pieces)

    async def _pass_document(
        self, stream: AsyncResponseStream, pieces: AsyncIterator[bytes], channel: "_Channel"
    ) -> None:
        if channel.begun:
            # The caller reads a stream by now, since it was kept alive while the upstream was silent.
            raise UpstreamProtocolError("The upstream answered with one whole document where a stream was asked for.")
        content_type = find_header(stream.headers, "content-type")
        headers = (*_kept(stream), ("content-type", content_type or "application/json"))
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > _WHOLE_BYTES and _begins_like_json(body):
                # Too large to keep until its end is known; a break from here on breaks the connection.
                length = find_header(stream.headers, "content-length")
                sized = headers if length is None else (*headers, ("content-length", length))
                await channel.send_pieces(stream.status, sized, bytes(body), pieces)
                return
        if not (_begins_like_json(body) and bytes(body[-64:]).rstrip().endswith((b"}", b"]"))):
            what = "an HTML page" if "html" in (content_type or "") else "something that is not JSON"
            raise UpstreamProtocolError(
                f"The upstream answered with status {stream.status} and {what} where JSON was due. Check LLM_API_URL: "
                "it may lead to a login page or to a proxy."
            )
        await channel.send_whole(stream.status, headers, bytes(body))

    async def _keep_alive(self, channel: "_Channel") -> None:
        loop = asyncio.get_running_loop()
        while True:
            silent = loop.time() - channel.last_sent
            if silent >= self._keep_alive_s:
                await channel.send_events(KEEP_ALIVE, _STREAM_HEADERS)
            else:
                await asyncio.sleep(self._keep_alive_s - silent)


class _Channel:
    """The way to the caller: knows what has been sent, and lets one message through at a time."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._turn = asyncio.Lock()
        self.ended = False
        self.begun = False
        self.last_sent = asyncio.get_running_loop().time()

    async def send_events(self, events: bytes, headers: Headers) -> None:
        async with self._turn:
            if self.ended:
                return
            if not self.begun:
                await self._start(200, headers)
            await self._send({"type": "http.response.body", "body": events, "more_body": True})
            self.last_sent = asyncio.get_running_loop().time()

    async def send_whole(self, status: int, headers: Headers, body: bytes) -> None:
        async with self._turn:
            await self._start(status, (*headers, ("content-length", str(len(body)))))
            self.ended = True
            await self._send({"type": "http.response.body", "body": body})

    async def send_pieces(self, status: int, headers: Headers, first: bytes, rest: AsyncIterator[bytes]) -> None:
        """An answer passed on as it comes. When it breaks, so does the connection: it must not pass for whole."""
        async with self._turn:
            await self._start(status, headers)
            self.ended = True
            await self._send({"type": "http.response.body", "body": first, "more_body": True})
            async for piece in rest:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: OCAError) -> None:
        """A status while there is none yet, an error event afterwards; nothing after the end."""
        answer: ErrorAnswer = answer_of(error)
        if self.ended:
            return
        if not self.begun:
            self.begun = self.ended = True
            await answer.response()(self._scope, self._receive, self._send)
            return
        await self.send_events(encode_event(answer.body), ())
        await self.end()

    async def end(self) -> None:
        async with self._turn:
            if not self.ended:
                self.ended = True
                await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: Headers) -> None:
        self.begun = True
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    with suppress(OCAError, TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                pass


def _kept(stream: AsyncResponseStream) -> Headers:
    ours = {name for name, _ in _STREAM_HEADERS}
    return tuple((name, value) for name, value in returned_answer_headers(stream.headers) if name not in ours)


def _is_event_stream(stream: AsyncResponseStream) -> bool:
    content_type = find_header(stream.headers, "content-type") or ""
    return content_type.partition(";")[0].strip().lower() == EVENT_STREAM


def _begins_like_json(body: bytearray) -> bool:
    return bytes(body[:64]).removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"{", b"["))


async def _first_bytes(pieces: AsyncIterator[bytes]) -> bytes:
    """Enough of a body to tell a document from events, without a byte order mark and leading blank space."""
    head = b""
    async for piece in pieces:
        head = (head + piece).removeprefix(codecs.BOM_UTF8).lstrip()
        if len(head) >= _LONGEST_BEGINNING or head[:1] in (b"{", b"[", b":"):
            break
    return head


async def _chained(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for piece in pieces:
        yield piece

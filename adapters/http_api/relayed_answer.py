"""The answer to a relayed request: the upstream's bytes, framed, kept alive, and never dressed up as complete."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from time import perf_counter

import structlog
from starlette.types import Receive, Scope, Send

from adapters.http_api.caller import EVENT_STREAM, STREAM_HEADERS, Attendance, Caller, Fields
from adapters.http_api.errors import answer_of
from adapters.http_api.metrics import Metrics
from adapters.http_api.operations import RelayedRequest
from adapters.wire.relay_headers import returned_answer_headers
from adapters.wire.relay_stream import RelayStream
from adapters.wire.relay_usage import read_usage, usage_in
from domain.errors import OCAError, StreamInterruptedError, UpstreamProtocolError
from domain.http import find_header
from domain.pages import html_instead_of_json, is_page
from domain.words import Language, Text
from ports.gateway import AsyncChatGateway
from ports.transport import AsyncResponseStream

_log = structlog.stdlib.get_logger("oca.relay")
OURS = {name.decode() for name, _ in STREAM_HEADERS}
# How a line of an event stream begins (WHATWG HTML, section 9.2.5).
_EVENT_BEGINNINGS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_BEGINNING = max(len(beginning) for beginning in _EVENT_BEGINNINGS)
# Answers up to this size are kept until their end, so that one that breaks off becomes an error with a status.
_WHOLE_BYTES = 4 * 1024 * 1024
# After [DONE] the upstream's end is a few bytes away; reading them lets its connection be used again.
DRAIN = timedelta(seconds=0.5)


SHUTTING_DOWN = Text(
    "The gateway is shutting down; this answer is incomplete. Send the request again.",
    "网关正在关闭，此回答并不完整。请重新发送请求。",
)
_NO_STREAM = Text(
    "The upstream answered with one whole document where a stream was asked for. Ask without `stream`, or check "
    "LLM_API_URL.",
    "请求的是流，而上游返回了一个完整的文档。请不带 `stream` 发送请求，或检查 LLM_API_URL。",
)


class RelayedAnswer:
    """Opens the upstream's answer and passes it on; plain ASGI.

    Until a byte of an answer is there, a failure becomes a status; afterwards, an error event. A caller that asked for
    a stream may be kept alive before the upstream has said anything. When the caller goes away, the upstream's answer
    is closed.
    """

    def __init__(
        self,
        gateway: AsyncChatGateway,
        request: RelayedRequest,
        *,
        keep_alive_s: float,
        metrics: Metrics,
        attendance: Attendance,
        language: Callable[[], Language] = lambda: Language.ENGLISH,
    ) -> None:
        self._gateway = gateway
        self._request: RelayedRequest | None = request
        self._streamed = request.streamed
        self._choices = request.choices
        self._begun_s = request.begun_s
        self._keep_alive_s = keep_alive_s if request.streamed else 0.0
        self._metrics = metrics
        self._attendance = attendance
        # Asked when something fails: nearly never.
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Asked before this began: the caller has been waiting for an answer since then.
        asked = self._request is not None and self._request.asked is not None
        silent_s = perf_counter() - self._begun_s if asked else 0.0
        caller = Caller(scope, receive, send, self._attendance, keep_alive_s=self._keep_alive_s, silent_s=silent_s)
        try:
            await self._answer(caller)
        except asyncio.CancelledError:
            # Not raised again: the answer ends in good order, and nothing follows it.
            if caller.gone:
                _log.info("caller went away")
                _settle_cancellation()
            else:
                # The server is shutting down and its grace period is over.
                await caller.fail(answer_of(StreamInterruptedError(SHUTTING_DOWN), self._language()))
        finally:
            caller.leave()

    async def _answer(self, caller: Caller) -> None:
        try:
            stream = await self._opened()
            try:
                pieces = aiter(stream)
                content_type = find_header(stream.headers, "content-type")
                events = content_type is not None and is_event_stream(content_type)
                if self._streamed and not events:
                    # Some upstreams stream under another type or none; clients go by what they asked for.
                    head = await _first_bytes(pieces)
                    events = head.startswith(_EVENT_BEGINNINGS)
                    pieces = _chained(head, pieces)
                if events:
                    with self._metrics.stream():
                        await self._pass_events(stream, pieces, caller)
                else:
                    await self._pass_document(stream, content_type, pieces, caller)
            finally:
                await stream.aclose()
        except OCAError as error:
            _log.warning("relay failed", error=type(error).__name__, why=str(error))
            await caller.fail(answer_of(error, self._language()))

    async def _opened(self) -> AsyncResponseStream:
        # Let go of: a request may be large, and its answer long.
        request, self._request = self._request, None
        assert request is not None  # noqa: S101 - an answer is given once
        return await self._gateway.relay(request.relay, request.asked)

    async def _pass_events(self, stream: AsyncResponseStream, pieces: AsyncIterator[bytes], caller: Caller) -> None:
        headers = (*_kept(stream), *STREAM_HEADERS)
        framing = RelayStream(choices=self._choices)

        def pass_on(piece: bytes) -> bool:
            events = framing.feed(piece)
            return (not events or caller.sent_at_once(events)) and not framing.complete

        told = False
        async for piece in pieces:
            events = framing.feed(piece)
            if events:
                if not told:
                    told = True
                    self._metrics.first_token(perf_counter() - self._begun_s)
                await caller.send_events(events, headers)
            while told and not framing.complete and await stream.pour(pass_on):
                await caller.sent()
            if framing.complete:
                break
        last = framing.finish()
        if last:
            await caller.send_events(last, headers)
        await caller.end()
        self._metrics.used(framing.usage)
        await _drain(pieces)

    async def _pass_document(
        self, stream: AsyncResponseStream, content_type: str | None, pieces: AsyncIterator[bytes], caller: Caller
    ) -> None:
        if caller.begun:
            # The caller reads a stream by now, since it was kept alive while the upstream was silent.
            raise UpstreamProtocolError(_NO_STREAM)
        headers = [*_kept(stream), (b"content-type", _raw(content_type or "application/json"))]
        read: list[bytes] = []
        size = 0
        async for piece in pieces:
            read.append(piece)
            size += len(piece)
            if size > _WHOLE_BYTES and begins_like_json(read[0]):
                # Too large to keep until its end is known; a break from here on breaks the connection.
                length = find_header(stream.headers, "content-length")
                sized = headers if length is None else [*headers, (b"content-length", _raw(length))]
                await caller.send_pieces(stream.status, sized, b"".join(read), pieces)
                return
        whole = b"".join(read)
        if not (begins_like_json(whole) and ends_like_json(whole)):
            if "html" in (content_type or "") or is_page(whole):
                raise html_instead_of_json(whole, status=stream.status)
            raise UpstreamProtocolError(
                Text(
                    f"The upstream answered with status {stream.status} and something that is not JSON where JSON was "
                    "due. Check LLM_API_URL: it may lead to a login page or to a proxy.",
                    f"上游返回了状态码 {stream.status} 和并非 JSON 的内容，而非应有的 JSON。"
                    "请检查 LLM_API_URL：它可能指向登录页面或代理服务器。",
                )
            )
        await caller.send_whole(stream.status, headers, whole)
        self._metrics.used(read_usage(usage_in(whole)))


def _settle_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    with suppress(OCAError, TimeoutError):
        async with asyncio.timeout(DRAIN.total_seconds()):
            async for _ in pieces:
                pass


def _kept(stream: AsyncResponseStream) -> Fields:
    returned = returned_answer_headers(stream.headers)
    return [(name.encode("latin-1"), _raw(value)) for name, value in returned if name not in OURS]


def _raw(value: str) -> bytes:
    return value.encode("latin-1", "replace")


def is_event_stream(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == EVENT_STREAM


def begins_like_json(body: bytes) -> bool:
    return body.startswith((b"{", b"[")) or body[:64].removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"{", b"["))


def ends_like_json(body: bytes) -> bool:
    return body[-64:].rstrip().endswith((b"}", b"]"))


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

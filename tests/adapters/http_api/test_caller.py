"""The way back to one caller: what can be sent at once, and what takes a wait."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from adapters.http_api.caller import STREAM_HEADERS, Attendance, Caller


class Wire:
    """A server's side of one answer; while `room` is not set, it takes no message. `cut` tells a cancelled one."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()
        self.sent: list[bytes] = []
        self.cut = False

    async def send(self, message: Message) -> None:
        if not self.room.is_set():
            try:
                await self.room.wait()
                # A server may wait more than once for the same message.
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.cut = True
                raise
        if message["type"] == "http.response.body":
            self.sent.append(message.get("body", b""))

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")


async def begun(wire: Wire) -> Caller:
    """A caller who has had an event."""
    scope: dict[str, Any] = {"type": "http"}
    caller = Caller(scope, wire.receive, wire.send, Attendance(), keep_alive_s=0)
    await caller.send_events(b"first", STREAM_HEADERS)
    return caller


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_where_there_is_room_an_event_is_sent_without_a_wait() -> None:
    wire = Wire()
    caller = await begun(wire)
    assert caller.sent_at_once(b"second")
    assert wire.sent == [b"first", b"second"]
    await caller.sent()
    caller.leave()


async def test_where_there_is_no_room_the_answering_task_finishes_what_was_begun() -> None:
    wire = Wire()
    caller = await begun(wire)
    wire.room.clear()
    assert not caller.sent_at_once(b"second")
    rest = asyncio.ensure_future(caller.sent())
    await turns()
    assert not rest.done()
    wire.room.set()
    await rest
    assert caller.sent_at_once(b"third")
    assert wire.sent == [b"first", b"second", b"third"]
    caller.leave()


async def test_whoever_is_cancelled_while_finishing_cancels_the_send() -> None:
    wire = Wire()
    caller = await begun(wire)
    wire.room.clear()
    assert not caller.sent_at_once(b"second")
    rest = asyncio.ensure_future(caller.sent())
    await turns()
    rest.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rest
    assert wire.cut
    caller.leave()


async def test_what_was_begun_and_is_left_is_dropped() -> None:
    wire = Wire()
    caller = await begun(wire)
    wire.room.clear()
    assert not caller.sent_at_once(b"second")
    caller.leave()
    wire.room.set()
    await turns()
    assert wire.sent == [b"first"]


async def test_nothing_follows_the_end() -> None:
    wire = Wire()
    caller = await begun(wire)
    await caller.end()
    assert not caller.sent_at_once(b"late")
    await caller.sent()
    assert wire.sent == [b"first", b""]
    caller.leave()

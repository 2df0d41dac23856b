"""The server's HTTP protocol: what it hands to the operating system, and when."""

import asyncio
from typing import Any

import pytest
import uvicorn
from typing_extensions import override
from uvicorn.server import ServerState

from adapters.http_api.fast_path.joining import JoiningProtocol

REQUEST = b"GET /%s HTTP/1.1\r\nhost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps each write."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written: list[bytes] = []
        self.closed = False
        self.reading = True

    @override
    def write(self, data: Any) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """`/whole` answers at once, `/stream` in pieces, `/late` holds its body back, `/closed` leaves afterwards."""
    start = {"type": "http.response.start", "status": 200}
    closing = [(b"connection", b"close")]
    match scope["path"]:
        case "/whole":
            await send({**start, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"hi"})
        case "/stream":
            await send({**start, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await send({"type": "http.response.body", "body": b"HTTP/1.1 is a name", "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        case "/late":
            await send({**start, "headers": [(b"content-length", b"2")]})
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b"hi"})
        case _:
            await send({**start, "headers": [*closing, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


async def asked(path: bytes) -> Wire:
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    config.load()
    wire = Wire()
    state = ServerState()
    protocol = JoiningProtocol(config, state, {})
    protocol.connection_made(wire)
    protocol.data_received(REQUEST % path)
    await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return wire


async def test_a_small_answer_leaves_in_one_write() -> None:
    (only,) = (await asked(b"whole")).written
    assert only.startswith(b"HTTP/1.1 200 OK\r\n")
    assert only.endswith(b"\r\n\r\nhi")


async def test_a_stream_leaves_as_it_comes_its_head_with_its_first_piece() -> None:
    first, second, end = (await asked(b"stream")).written
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n1\r\na\r\n")
    assert second == b"12\r\nHTTP/1.1 is a name\r\n"
    assert end == b"0\r\n\r\n"


async def test_a_head_that_nothing_follows_does_not_wait_for_it() -> None:
    head, body = (await asked(b"late")).written
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"hi"


@pytest.mark.parametrize("path", [b"closed"])
async def test_a_connection_is_closed_after_all_of_its_answer(path: bytes) -> None:
    wire = await asked(path)
    assert b"".join(wire.written).endswith(b"content-length: 0\r\n\r\n")
    assert wire.closed

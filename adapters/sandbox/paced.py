"""Answers that take their time: sent piece by piece, cut off on purpose, ended when the client leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from adapters.sandbox.controls import SandboxControls

# The ASGI extension under which `adapters.sandbox.connections` offers to close the connection (ASGI specification,
# "Extensions"): a plain application cannot.
HANG_UP = "oca.sandbox.hang_up"


class HangUp(Exception):  # noqa: N818 - not an error: it is what was asked for
    """Raised by a source of pieces: close the connection here."""


class PacedResponse(Response):
    """An answer whose bytes come from an iterator; the head leaves together with the first of them.

    `controls` counts it. When the client goes away, the iterator is closed where it stands.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        controls: SandboxControls,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> None:
        super().__init__(status_code=status, headers=headers, media_type=media_type)
        if headers is None or "content-length" not in headers:
            # Starlette wrote the length of the empty body that it was given.
            del self.headers["content-length"]
        self._pieces = pieces
        self._controls = controls

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._controls.answer() as answer:
            sending = asyncio.ensure_future(self._send(scope, send))
            leaving = asyncio.ensure_future(disconnection(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
                # Both are done when the answer is complete, so the first one decides.
                if sending.done():
                    answer.finished = True
                    hung_up = sending.result()
                    if hung_up:
                        await leaving
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, scope: Scope, send: Send) -> bool:
        """Send all pieces; True when the connection was closed instead of the answer being completed."""
        started = False
        try:
            async for piece in self._pieces:
                if not started:
                    started = True
                    await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except HangUp:
            hang_up(scope)
            return True
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return False


class HungUpResponse(Response):
    """No answer at all: the connection closes."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hang_up(scope)
        await disconnection(receive)


def hang_up(scope: Scope) -> None:
    """Close the connection once what was written has left."""
    cast("Callable[[], None]", scope["extensions"][HANG_UP])()


async def disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""Failures on request: what the last user message asks to go wrong, and how it does.

The message as a whole is the command: `/fail 429` (any status from 400 to 599) or `/fail` with the value of a
`Failure`; `/fail once 503` (or another failure) for the first time only that this very request comes; `/slow`,
`/slow 2` (seconds before every word).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from starlette.responses import HTMLResponse, Response

from adapters.sandbox.paced import HangUp, HungUpResponse
from adapters.sandbox.refusals import context_exceeded, error_body, json_response, refusal_response
from adapters.sandbox.streams import DONE, sse_event

SLOW = timedelta(seconds=0.5)
SLOWEST = timedelta(minutes=10)
SIGN_OF_LIFE_EVERY = timedelta(milliseconds=50)
_FAIL = re.compile(r"/fail(?P<once>\s+once)?\s+(?P<word>[a-z0-9-]+)\s*\Z", re.IGNORECASE)
_SLOW = re.compile(r"/slow(?:\s+(\d{1,4}(?:\.\d{1,3})?))?\s*\Z", re.IGNORECASE)
_STATUS = re.compile(r"[45]\d\d")


class Failure(Enum):
    """How an answer goes wrong.

    REFUSAL leaves the answer whole: a model's refusal is part of what it says (`adapters.sandbox.answers`).
    """

    STATUS = "status"
    CONTEXT = "context"
    REFUSAL = "refusal"
    HTML = "html"
    BARE = "bare"
    CLOSE = "close"
    CUT = "cut"
    TRUNCATE = "truncate"
    STALL = "stall"
    KEEP_ALIVE = "keep-alive"
    ERROR_EVENT = "error-event"
    GARBAGE = "garbage"
    NO_DONE = "no-done"


# Those that end or delay a whole answer before the length that it would announce.
SHORT_OF_ITS_LENGTH = frozenset((Failure.TRUNCATE, Failure.KEEP_ALIVE))
# Those that nothing of a stream comes after.
_LAST_WORDS = frozenset((Failure.ERROR_EVENT, Failure.TRUNCATE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a message asks for beside an answer; `pause` is the time before each word, None for the usual one.

    once: only the first of equal requests is to fail.
    """

    failure: Failure | None = None
    status: int = 500
    once: bool = False
    pause: timedelta | None = None


def wish_in(text: str) -> Wish:
    """Read a user message; words that are no command wish for nothing."""
    said = text.strip()
    if slow := _SLOW.match(said):
        return Wish(pause=min(timedelta(seconds=float(slow[1])), SLOWEST) if slow[1] else SLOW)
    asked = _FAIL.match(said)
    if asked is None:
        return Wish()
    word, once = asked["word"].lower(), asked["once"] is not None
    if _STATUS.fullmatch(word):
        return Wish(failure=Failure.STATUS, status=int(word), once=once)
    known = {failure.value: failure for failure in Failure if failure is not Failure.STATUS}
    return Wish(failure=known[word], once=once) if word in known else Wish()


def failed_response(wish: Wish, *, stream: bool) -> Response | None:  # noqa: PLR0911 - one for each failure
    """The answer that stands in for the true one, where the failure leaves nothing of it."""
    match wish.failure:
        case Failure.STATUS:
            return _status_response(wish.status)
        case Failure.CONTEXT:
            return refusal_response(context_exceeded(8192, 9000))
        case Failure.HTML:
            page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
            return HTMLResponse(page, status_code=502)
        case Failure.BARE:
            return json_response({"code": "InternalServerError", "message": "You asked for it: bare"}, status=500)
        case Failure.CLOSE:
            return HungUpResponse()
        case Failure.ERROR_EVENT if not stream:
            return _status_response(500)
        case Failure.GARBAGE if not stream:
            return Response(b'{"id": "chatcmpl-', media_type="application/json")
        case _:
            return None


async def paced_stream(events: Sequence[bytes], *, pause: timedelta, failure: Failure | None) -> AsyncIterator[bytes]:
    """The events with a pause before each; a failure strikes half-way. Raises HangUp."""
    half = len(events) // 2
    for index, event in enumerate(events):
        await asyncio.sleep(pause.total_seconds())
        if index == half:
            async for piece in _struck(failure, event):
                yield piece
            if failure in _LAST_WORDS:
                return
        yield event
    if failure is not Failure.NO_DONE:
        yield DONE


async def _struck(failure: Failure | None, event: bytes) -> AsyncIterator[bytes]:
    """What a failure sends before `event`. Raises HangUp."""
    match failure:
        case Failure.CUT:
            # Cut within an event, as a broken network does.
            yield event[: len(event) // 2]
            raise HangUp
        case Failure.STALL:
            await asyncio.Event().wait()
        case Failure.KEEP_ALIVE:
            async for _ in _signs_of_life():
                yield b": keep-alive\n\n"
        case Failure.ERROR_EVENT:
            yield sse_event(error_body("You asked for it: error-event", status=500))
        case Failure.GARBAGE:
            yield b'data: {"id": "chatcmpl-\n\n'
        case _:
            pass


async def paced_whole(body: bytes, *, pause: timedelta, failure: Failure | None) -> AsyncIterator[bytes]:
    """The body after a pause; a failure strikes half-way, a stall before anything is sent. Raises HangUp."""
    await asyncio.sleep(pause.total_seconds())
    match failure:
        case Failure.STALL:
            await asyncio.Event().wait()
        case Failure.KEEP_ALIVE:
            # Empty lines are what JSON allows before it begins, and what DeepSeek sends while an answer is waited for.
            async for _ in _signs_of_life():
                yield b"\n"
        case Failure.CUT:
            yield body[: len(body) // 2]
            raise HangUp
        case Failure.TRUNCATE:
            yield body[: len(body) // 2]
        case _:
            yield body


async def _signs_of_life() -> AsyncIterator[None]:
    """For ever, at equal intervals."""
    while True:
        yield
        await asyncio.sleep(SIGN_OF_LIFE_EVERY.total_seconds())


def _status_response(status: int) -> Response:
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Bearer realm="oca-sandbox", error="invalid_token"'
    return json_response(error_body(f"You asked for it: {status}", status=status), status=status, headers=headers)

"""Listens to one answer on an event loop in the background, so that a silent upstream does not hold up the page.

Streamlit stops a script only inside its own calls. A script that waits in `next(events)` would therefore ignore the
stop button for as long as the model thinks; one that gets its events in batches, empty ones included, obeys at once.
And a task can be cancelled in the middle of its wait, as a thread that reads a socket cannot: the connection to the
upstream is closed the moment the person stops.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from domain.chat import ChatRequest
from domain.errors import StreamInterruptedError
from domain.events import StreamEvent
from domain.words import Text
from ports.gateway import AsyncChat

# To close a connection takes a moment; where it takes longer, it goes on without the page.
CLOSES_WITHIN = timedelta(milliseconds=250)


class AnswerLoop:
    """An event loop in a thread of its own, for any number of answers; it starts with the first of them."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, step: Callable[[], object]) -> None:
        """Have `step` run on the loop; what one thread hands in runs in that order. Returns at once."""
        self._running().call_soon_threadsafe(step)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: an upstream that never answers must not keep the program from ending.
                threading.Thread(target=self._loop.run_forever, name="chat-answers", daemon=True).start()
            return self._loop


# One for the process: the connections to the upstream belong to a loop, and every session may use those of the others.
_ANSWERS = AnswerLoop()


@contextmanager
def listening(
    chat: AsyncChat, request: ChatRequest, *, patience: timedelta, loop: AnswerLoop = _ANSWERS
) -> Generator[Iterator[tuple[StreamEvent, ...]]]:
    """Ask, and yield what has come in since the last batch; an empty batch after `patience` without news.

    Leaving the context abandons the answer: its connection is closed, also while the upstream is silent, and nothing
    of it is heard any more. Iterating raises what the chat raises, after the events that came before it.
    """
    listener = _Listener(chat, request)
    loop.call(listener.begin)
    try:
        with closing(listener.batches(patience)) as batches:
            yield batches
    finally:
        loop.call(listener.leave)
        listener.over.wait(CLOSES_WITHIN.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """The stream is over and closed; `error` is what ended it early."""

    error: BaseException | None = None


class _Listener:
    """One question. `begin` and `leave` run on the loop, in this order; `batches` in the page's thread."""

    def __init__(self, chat: AsyncChat, request: ChatRequest) -> None:
        self.over = threading.Event()
        self._chat = chat
        self._request = request
        self._heard: queue.SimpleQueue[StreamEvent | _Ended] = queue.SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self._left = False

    def begin(self) -> None:
        self._task = asyncio.create_task(self._listen(), name="chat-answer")
        self._task.add_done_callback(lambda _task: self.over.set())

    def leave(self) -> None:
        self._left = True
        if self._task is not None:
            self._task.cancel()

    def batches(self, patience: timedelta) -> Generator[tuple[StreamEvent, ...]]:
        while True:
            batch: list[StreamEvent] = []
            ended: _Ended | None = None
            try:
                item = self._heard.get(timeout=patience.total_seconds())
                while not isinstance(item, _Ended):
                    batch.append(item)
                    item = self._heard.get_nowait()
                ended = item
            except queue.Empty:
                pass
            yield tuple(batch)
            if ended is not None:
                if ended.error is not None:
                    raise ended.error
                return

    async def _listen(self) -> None:
        error: BaseException | None = None
        try:
            async with self._chat.stream(self._request) as events:
                async for event in events:
                    if self._left:
                        break
                    self._heard.put(event)
        except asyncio.CancelledError:
            # Told to nobody when the page has left, which is the rule.
            error = StreamInterruptedError(
                Text("The answer was broken off here. Send the request again.", "回答在此处被中断。请重新发送请求。")
            )
        except BaseException as raised:  # noqa: BLE001 - it is raised again in the page's thread
            error = raised
        self._heard.put(_Ended(error=error))

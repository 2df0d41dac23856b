"""Listens to one answer in a thread of its own, so that a silent upstream does not hold up the page.

Streamlit stops a script only inside its own calls. A script that waits in `next(events)` would therefore ignore the
stop button for as long as the model thinks; one that gets its events in batches, empty ones included, obeys at once.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from domain.chat import ChatRequest
from domain.events import StreamEvent
from ports.gateway import ChatGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """The stream is over and closed; `error` is what ended it early."""

    error: BaseException | None = None


@contextmanager
def listening(
    gateway: ChatGateway, request: ChatRequest, *, patience: timedelta
) -> Generator[Iterator[tuple[StreamEvent, ...]]]:
    """Ask, and yield what has come in since the last batch; an empty batch after `patience` without news.

    Leaving the context abandons the answer: the listener closes the upstream's stream as soon as the read that it is in
    returns. Iterating raises what the gateway raises, after the events that came before it.
    """
    heard: queue.SimpleQueue[StreamEvent | _Ended] = queue.SimpleQueue()
    abandoned = threading.Event()
    # A daemon: an upstream that never answers must not keep the program from ending.
    threading.Thread(target=_listen, args=(gateway, request, heard, abandoned), name="chat-answer", daemon=True).start()
    try:
        yield _batches(heard, patience)
    finally:
        abandoned.set()


def _listen(
    gateway: ChatGateway,
    request: ChatRequest,
    heard: "queue.SimpleQueue[StreamEvent | _Ended]",
    abandoned: threading.Event,
) -> None:
    error: BaseException | None = None
    try:
        with gateway.stream(request) as events:
            for event in events:
                if abandoned.is_set():
                    break
                heard.put(event)
    except BaseException as raised:  # noqa: BLE001 - it is raised again in the page's thread
        error = raised
    heard.put(_Ended(error=error))


def _batches(
    heard: "queue.SimpleQueue[StreamEvent | _Ended]", patience: timedelta
) -> Iterator[tuple[StreamEvent, ...]]:
    while True:
        batch: list[StreamEvent] = []
        ended: _Ended | None = None
        try:
            item = heard.get(timeout=patience.total_seconds())
            while not isinstance(item, _Ended):
                batch.append(item)
                item = heard.get_nowait()
            ended = item
        except queue.Empty:
            pass
        yield tuple(batch)
        if ended is not None:
            if ended.error is not None:
                raise ended.error
            return

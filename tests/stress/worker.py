"""One process of the crowd: `python -m tests.stress.worker <kind> <target> <threads> <tasks> <pause in seconds>`.

Kind `library`: every thread and task asks one OCAOauth2TokenManager on the `.env` at `target` for a token. Kind
`callers`: every one asks the chat model of the gateway whose address `target` is. It says `ready`, then a line for
each quarter of a second (`tests.stress.records`), until its input ends.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from adapters.langchain import OCAOauth2TokenManager
from config.logging import configure_logging
from domain.errors import OCAError
from tests.stress.records import Recorder

TELL_EVERY_S = 0.25
LAG_TICK_S = 0.005
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The same call for threads and for tasks; each raises what failed, or returns words of it."""

    blocking: Callable[[], str | None]
    asyncio: Callable[[], Awaitable[str | None]]


def library(dotenv_path: str) -> Calls:
    manager = OCAOauth2TokenManager(dotenv_path)

    def blocking() -> str | None:
        return None if manager.get_access_token() else "an empty token"

    async def in_task() -> str | None:
        return None if await manager.aget_access_token() else "an empty token"

    return Calls(blocking=blocking, asyncio=in_task)


def callers(url: str) -> Calls:
    clients = threading.local()
    limits = httpx.Limits(max_connections=None)
    crowd: list[httpx.AsyncClient] = []

    def told(answer: httpx.Response) -> str | None:
        return None if answer.status_code == 200 else f"{answer.status_code} {answer.text}"

    def blocking() -> str | None:
        if not hasattr(clients, "client"):
            clients.client = httpx.Client(base_url=url, trust_env=False, timeout=60)
        return told(clients.client.post("/v1/chat/completions", json=CHAT))

    async def in_task() -> str | None:
        if not crowd:
            crowd.append(httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits))
        return told(await crowd[0].post("/v1/chat/completions", json=CHAT))

    return Calls(blocking=blocking, asyncio=in_task)


def thread(calls: Calls, recorder: Recorder, pause_s: float, stop: threading.Event) -> None:
    while not stop.wait(pause_s):
        began_s = time.time()
        try:
            failure: Exception | str | None = calls.blocking()
        except (OCAError, httpx.HTTPError) as error:
            failure = error
        recorder.call(began_s, failure)


async def task(calls: Calls, recorder: Recorder, pause_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        began_s = time.time()
        try:
            failure: Exception | str | None = await calls.asyncio()
        except (OCAError, httpx.HTTPError) as error:
            failure = error
        recorder.call(began_s, failure)
        await asyncio.sleep(pause_s)


async def watch_lag(recorder: Recorder, stop: threading.Event) -> None:
    while not stop.is_set():
        due_s = time.monotonic() + LAG_TICK_S
        await asyncio.sleep(LAG_TICK_S)
        recorder.lag(time.monotonic() - due_s)


async def loop(calls: Calls, recorder: Recorder, tasks: int, pause_s: float, stop: threading.Event) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(watch_lag(recorder, stop))
        for _ in range(tasks):
            group.create_task(task(calls, recorder, pause_s, stop))


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(kind: str, target: str, threads: int, tasks: int, pause_s: float) -> None:
    configure_logging("INFO", "json")
    calls = library(target) if kind == "library" else callers(target)
    stop, recorder = threading.Event(), Recorder()
    crowd = [threading.Thread(target=thread, args=(calls, recorder, pause_s, stop)) for _ in range(threads)]
    crowd.append(threading.Thread(target=lambda: asyncio.run(loop(calls, recorder, tasks, pause_s, stop))))
    tell("ready")
    for each in crowd:
        each.start()
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    while not over.wait(TELL_EVERY_S):
        tell(recorder.take().encode())
    stop.set()
    for each in crowd:
        each.join()
    tell(recorder.take().encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))

"""What OCAChatModel costs beside ChatOpenAI: `python -m tests.benchmarks.langchain_chunks`.

Both read the same stream from the same server on loopback, which another process serves from memory. The two take turns
in one process; printed are CPU seconds of this process per chunk as median, lowest and ratio, for `stream` and
`astream`, and the import of either module beside langchain-core's own.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_ENV = """\
LLM_API_KEY=benchmark
LLM_API_URL={url}
LLM_MODEL_NAME=m
"""


def answer_of(chunks: int) -> bytes:
    """A whole chunked answer: a role, `chunks` words, the finish reason, the usage, [DONE]."""
    envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(**more: Any) -> bytes:
        return b"data: " + json.dumps({**envelope, **more}).encode() + b"\n\n"

    def choice(delta: dict[str, str], reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]

    usage = {"prompt_tokens": 5, "completion_tokens": chunks, "total_tokens": chunks + 5}
    events = [
        event(choices=choice({"role": "assistant", "content": ""})),
        *(event(choices=choice({"content": f"word{at} "})) for at in range(chunks)),
        event(choices=choice({}, "stop")),
        event(choices=[], usage=usage),
        b"data: [DONE]\n\n",
    ]
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in events) + b"0\r\n\r\n"


def serve(listener: socket.socket, body: bytes) -> None:
    """Answer every request on every connection with the same stream."""

    def answer(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while True:
                length = 0
                while (line := lines.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if line == b"":
                    return
                lines.read(length)
                connection.sendall(_HEAD + body)

    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def imported(module: str) -> float:
    """CPU seconds that a new interpreter takes to import a module."""
    before = os.times()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def take_turns(runs: int, cases: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The figures of each case, measured in turn; the first round warms up and does not count."""
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(runs + 1):
        for name, measure in cases.items():
            figure = measure()
            if turn:
                figures[name].append(figure)
    return figures


def report(title: str, figures: dict[str, list[float]], *, unit: str, scale: float, against: str) -> None:
    print(title)
    for name, values in figures.items():
        ratios = [a / b for a, b in zip(values, figures[against], strict=True)]
        print(
            f"  {name:<28} median {statistics.median(values) * scale:8.1f} {unit}   lowest {min(values) * scale:8.1f}"
            f"   ratio {statistics.median(ratios):.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=7)
    chosen = parser.parse_args()

    core = "langchain_core.language_models.chat_models"
    imports = {core: lambda: imported(core)}
    for module in ("adapters.langchain.chat_model", "langchain_openai"):
        imports[module] = lambda module=module: imported(module)  # type: ignore[misc]
    figures = take_turns(chosen.runs, imports)
    report("CPU to import, beside langchain-core's own", figures, unit="ms", scale=1e3, against=core)

    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = get_context("fork").Process(target=serve, args=(listener, answer_of(chosen.chunks)), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    try:
        _chunks(url, chosen.chunks, chosen.runs)
    finally:
        server.kill()


def _chunks(url: str, chunks: int, runs: int) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    from adapters.langchain import OCAChatModel, OCAOauth2TokenManager

    # One event loop for all: ChatOpenAI fails in a second one.
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        env_file = Path(folder) / ".env"
        env_file.write_text(_ENV.format(url=url), encoding="utf-8")
        ours = OCAChatModel(token_manager=OCAOauth2TokenManager(env_file))
        theirs = ChatOpenAI(model="m", base_url=url, api_key=SecretStr("benchmark"), stream_usage=True)

        def blocking(model: Any) -> Callable[[], float]:
            def measure() -> float:
                began = time.process_time()
                seen = sum(1 for _ in model.stream("hi"))
                assert seen >= chunks
                return (time.process_time() - began) / chunks

            return measure

        def in_asyncio(model: Any) -> Callable[[], float]:
            async def read() -> float:
                began = time.process_time()
                seen = 0
                async for _ in model.astream("hi"):
                    seen += 1
                assert seen >= chunks
                return (time.process_time() - began) / chunks

            return lambda: runner.run(read())

        for title, way in (("stream", blocking), ("astream", in_asyncio)):
            figures = take_turns(runs, {"OCAChatModel": way(ours), "ChatOpenAI": way(theirs)})
            report(f"CPU per chunk, {title}", figures, unit="us", scale=1e6, against="ChatOpenAI")


if __name__ == "__main__":
    main()

"""The four ways to ask a model, as one: what holds for one of them is tested for all."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from langchain_core.messages import AIMessage, AIMessageChunk

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from tests.fakes.upstream_server import UpstreamServer

T = TypeVar("T")
Way = Literal["invoke", "ainvoke", "stream", "astream"]
WAYS: tuple[Way, ...] = ("invoke", "ainvoke", "stream", "astream")
STREAMED: tuple[Way, ...] = ("stream", "astream")
BOUND_S = 20.0


@dataclass(slots=True)
class Heard:
    """What came of a question: the messages or chunks that were handed out, and the error that ended it."""

    messages: list[AIMessage] = field(default_factory=list[AIMessage])
    error: Exception | None = None

    @property
    def text(self) -> str:
        return "".join(message.text for message in self.messages)

    @property
    def message(self) -> AIMessage:
        """The answer as one message. Raises what the question raised."""
        if self.error is not None:
            raise self.error
        first, *others = self.messages
        if not isinstance(first, AIMessageChunk):
            return first
        return first.__add__([other for other in others if isinstance(other, AIMessageChunk)]) if others else first


def hear(way: Way, model: Any, question: Any = "Hi", /, **options: Any) -> Heard:
    """Ask in one of the ways; an error is told, not raised."""
    heard = Heard()
    try:
        match way:
            case "invoke":
                heard.messages.append(model.invoke(question, **options))
            case "stream":
                for chunk in model.stream(question, **options):
                    heard.messages.append(chunk)
            case "ainvoke" | "astream":
                run(ahear(way, heard, model, question, **options))
    except Exception as error:  # noqa: BLE001 - told
        heard.error = error
    return heard


async def ahear(way: Way, heard: Heard, model: Any, question: Any = "Hi", /, **options: Any) -> None:
    """Ask in one of the asyncio ways, and put what comes into `heard`."""
    if way == "ainvoke":
        heard.messages.append(await model.ainvoke(question, **options))
        return
    async for chunk in model.astream(question, **options):
        heard.messages.append(chunk)


def run(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, but never for long."""

    async def bounded() -> T:
        async with asyncio.timeout(BOUND_S):
            return await work

    return asyncio.run(bounded())


def model_at(upstream: UpstreamServer, folder: Path, *, env: Any = None, **params: Any) -> Any:
    """A model of an upstream that takes any key; `env` are further settings of its `.env`.

    It is not asked again after a failure unless that is wanted.
    """
    settings: dict[str, Any] = env or {}
    path = folder / ".env"
    path.write_text(upstream.env_text(**settings), encoding="utf-8")
    path.chmod(0o600)
    given: dict[str, Any] = {"token_manager": OCAOauth2TokenManager(path), "max_retries": 0, **params}
    return OCAChatModel(**given)

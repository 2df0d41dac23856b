"""A gateway that answers from a script."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from domain.chat import ChatRequest, Model
from domain.errors import TokenError, UpstreamError
from domain.events import StreamEvent
from domain.flows import LoginStatus
from domain.tokens import TokenState
from ports.gateway import ModelList

Step = StreamEvent | TokenError | UpstreamError | Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One answer. `refusal` is raised on entering; an error among the `steps` is raised, and a callable called."""

    steps: tuple[Step, ...] = ()
    refusal: TokenError | UpstreamError | None = None


class FakeChatGateway:
    """Answers each request with the next script; out of scripts, it fails the test."""

    def __init__(self, *scripts: Script, models: Iterable[str] = ("model-a", "model-b"), trouble: str = "") -> None:
        self.requests: list[ChatRequest] = []
        self.model_list = ModelList(models=tuple(Model(id=name) for name in models), trouble=trouble)
        self.times_listed = 0
        self._scripts = deque(scripts)
        self._changed = threading.Condition()
        self._closed = 0

    def answers_next(self, *scripts: Script) -> None:
        self._scripts.extend(scripts)

    @property
    def closed(self) -> int:
        """How many streams have been left again."""
        with self._changed:
            return self._closed

    def wait_until_closed(self, count: int, *, timeout_s: float = 10) -> bool:
        """Whether so many streams are closed, within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed >= count, timeout_s)

    def access_token(self) -> str:
        return "fake-access-token"

    def login_status(self) -> LoginStatus:
        return LoginStatus(state=TokenState.FRESH, has_refresh_token=True)

    def list_models(self) -> ModelList:
        self.times_listed += 1
        return self.model_list

    @contextmanager
    def stream(self, request: ChatRequest) -> Generator[Iterator[StreamEvent]]:
        self.requests.append(request)
        script = self._scripts.popleft()
        if script.refusal is not None:
            raise script.refusal
        try:
            yield _play(script.steps)
        finally:
            with self._changed:
                self._closed += 1
                self._changed.notify_all()


def _play(steps: Iterable[Step]) -> Iterator[StreamEvent]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        else:
            yield step

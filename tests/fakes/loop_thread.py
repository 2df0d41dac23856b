"""An event loop for those who have none: servers in tests, and plain tests of asyncio code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")
BOUND_S = 40.0


class LoopThread:
    """A running event loop in a thread of its own. `stop` ends what still runs on it and waits for its sockets."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self.loop = new_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="test-loop", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = BOUND_S) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def stop(self) -> None:
        self.run(self._settle())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(BOUND_S)
        self.loop.close()

    async def _settle(self) -> None:
        """Let transports that are closing finish, as asyncio.run would."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        # A TLS handshake that failed takes several turns to let go of its socket.
        for _ in range(10):
            await asyncio.sleep(0)
        await self.loop.shutdown_default_executor()

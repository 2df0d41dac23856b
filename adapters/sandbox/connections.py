"""uvicorn's HTTP/1.1 protocol for the sandbox: quiet, and able to hang up when an answer is to be cut."""

import logging
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from adapters.sandbox.paced import HANG_UP


class Connection(H11Protocol):
    """One connection. h11 rather than httptools, because it refuses what HTTP forbids."""

    def __init__(self, *, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        # Not uvicorn's own loggers, which belong to whoever hosts the sandbox.
        self.logger = logging.getLogger(__name__)
        self.logger.setLevel(logging.ERROR)
        self.access_log = False
        app = self.app

        async def app_that_can_hang_up(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[HANG_UP] = self.transport.close
            await app(scope, receive, send)

        self.app = app_that_can_hang_up

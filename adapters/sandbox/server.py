"""The sandbox as a running server: authorization server and upstream on one port of 127.0.0.1, in a thread."""

import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.world import CHAT_MODEL, CHAT_PATH, CLIENT_ID, HOST, MODELS_PATH, Endpoint
from ports.clock import Clock

if TYPE_CHECKING:
    from types import TracebackType

    from adapters.sandbox.running import RunningServer


class Sandbox:
    """A small, strict world to log in to and to chat with; a context manager.

    A fresh one has no login: `controls.issue_login()` makes the first refresh token. It touches neither signal
    handlers nor the configuration of logging, and says nothing unless it fails.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        port: int = 0,
        access_token_lifetime: timedelta = timedelta(seconds=60),
        word_pause: timedelta = timedelta(0),
    ) -> None:
        """Port 0 lets the system choose a free one; everything else can be turned later, at `controls`."""
        self.controls = SandboxControls(clock, access_token_lifetime=access_token_lifetime, word_pause=word_pause)
        self._clock = clock
        self._port = port
        self._running: RunningServer | None = None

    @property
    def client_id(self) -> str:
        return CLIENT_ID

    @property
    def default_model(self) -> str:
        return CHAT_MODEL

    @property
    def port(self) -> int:
        """The port it listens on; once stopped, the one it will be started on again."""
        return self._port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def token_endpoint(self) -> str:
        return self.place_of(Endpoint.TOKEN)

    def place_of(self, endpoint: Endpoint) -> str:
        """The address of one of the authorization server's endpoints."""
        return f"{self.url}{self.controls.authorization.paths[endpoint]}"

    @property
    def chat_url(self) -> str:
        return f"{self.url}{CHAT_PATH}"

    @property
    def models_url(self) -> str:
        return f"{self.url}{MODELS_PATH}"

    def env_text(self, refresh_token: str) -> str:
        """The text of a `.env` that points the gateway here; secrets are quoted, since they hold `+`, `/` and `=`."""
        return (
            "# The built-in sandbox: it lives as long as the program that started it.\n"
            f"OAUTH_TOKEN_URL={self.token_endpoint}\n"
            f"OAUTH_CLIENT_ID={self.client_id}\n"
            f"OAUTH_REFRESH_TOKEN='{refresh_token}'\n"
            f"LLM_API_URL={self.chat_url}\n"
            f"LLM_MODELS_API_URL={self.models_url}\n"
            f"LLM_MODEL_NAME={self.default_model}\n"
        )

    def start(self) -> Self:
        """Listen; returns once it does. Raises OSError when the port is taken, RuntimeError when it runs already."""
        if self._running is not None:
            raise RuntimeError("The sandbox is running already.")
        # Starlette and uvicorn are loaded only now: the command line reads this module for its defaults.
        from adapters.sandbox.running import RunningServer  # noqa: PLC0415

        listener = socket.create_server((HOST, self._port))
        # asyncio does so itself for sockets that name their protocol, which those of `create_server` do not. Without
        # it, Nagle's algorithm holds the second half of each small answer back for 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        self._running = RunningServer(listener, self.controls, self._clock)
        return self

    def stop(self) -> None:
        """Close the port and every connection, whatever is under way on it; may be called twice."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.stop()

"""Both applications behind one listening socket, on an event loop of their own, in a thread of their own."""

import asyncio
import socket
import threading
from datetime import timedelta
from email.utils import format_datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from adapters.sandbox.authorization_server import AuthorizationServer
from adapters.sandbox.connections import Connection
from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.upstream import upstream
from ports.clock import Clock

STARTS_WITHIN = timedelta(seconds=10)
ANSWERS_END_WITHIN = timedelta(seconds=2)
STOPS_WITHIN = timedelta(seconds=5)
ROUNDS_TO_ACCEPT = 4


class RunningServer:
    """Listens from its construction until `stop`.

    uvicorn's `Server` would take a tenth of a second to notice that it should stop, wait for open streams, and write
    to the log of whoever hosts the sandbox; its protocol and its state alone are what is needed.
    """

    def __init__(self, listener: socket.socket, controls: SandboxControls, clock: Clock) -> None:
        """Takes `listener` over. Raises RuntimeError when the server does not come up."""
        self._listener = listener
        self._controls = controls
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._trouble: Exception | None = None
        self._ready = threading.Event()
        # A daemon, so that a program which forgets to stop the sandbox can still end.
        self._thread = threading.Thread(target=self._run, name="oca-sandbox", daemon=True)
        self._thread.start()
        if not self._ready.wait(STARTS_WITHIN.total_seconds()) or self._loop is None:
            raise RuntimeError("The sandbox did not start.") from self._trouble

    def stop(self) -> None:
        """Close the listener and every connection."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOPS_WITHIN.total_seconds())

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits for the start
            self._trouble = error
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self) -> None:
        config = Config(
            _application(self._controls, self._clock),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            workers=1,
            proxy_headers=False,
        )
        config.load()
        state = ServerState()
        state.default_headers = [(b"server", b"oca-sandbox")]
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(config=config, server_state=state, app_state={}), sock=self._listener
        )
        self._stopping = asyncio.Event()
        self._loop = loop
        self._ready.set()
        await self._stopping.wait()
        server.close()
        # Those that have just been accepted get their protocol in the next rounds of the loop.
        for _ in range(ROUNDS_TO_ACCEPT):
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        # Each answer ends by itself once its client is gone.
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=ANSWERS_END_WITHIN.total_seconds())


def _application(controls: SandboxControls, clock: Clock) -> ASGIApp:
    authorization, api = AuthorizationServer(controls, clock), upstream(controls, clock)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                # RFC 9110 section 6.6.1: a server with a clock says what time it has.
                date = format_datetime(clock.now(), usegmt=True).encode()
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        chosen = authorization if authorization.serves(scope["path"]) else api
        await chosen(scope, receive, send_dated)

    return serve

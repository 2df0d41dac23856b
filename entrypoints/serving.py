"""Run the server: bind the address, say what there is, serve until told to stop."""

import signal
import socket
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from uvicorn.supervisors import Multiprocess

from adapters.http_api.fast_path.protocol import FastPathProtocol
from config.container import Container, build_container
from config.environment import environment_for_workers
from config.logging import configure_logging
from config.settings import Settings
from domain.errors import TokenStoreError
from domain.words import Text
from entrypoints.api import create_app, settle
from entrypoints.console import Console
from entrypoints.port_holder import no_address_of_ours, not_listening
from entrypoints.serving_screen import sandbox_screen, screen


def serve(
    settings: Settings,
    console: Console,
    *,
    workers: int = 1,
    sandbox: bool = False,
    page: AbstractContextManager[str | None] = nullcontext(),  # noqa: B008 - it holds nothing
) -> None:
    """Serve until SIGTERM or Ctrl-C, and for as long the chat page, if there is to be one. Raises ListenError."""
    configure_logging(settings.log_level, settings.log_format)
    # Made here even when workers make their own: what is wrong with the settings is said once, and before anything.
    container = build_container(settings)
    app = create_app(container)
    listening = _bound(settings.oca_host, settings.oca_port)
    config = uvicorn.Config(
        app if workers == 1 else "entrypoints.lean:app",
        workers=workers,
        http=FastPathProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=round(settings.oca_shutdown_grace),
    )
    port = listening.getsockname()[1]
    try:
        # Only now, when the server can listen.
        with page as page_address:
            console.say(sandbox_screen(port, page_address) if sandbox else _screen(settings, container, port))
            if workers == 1:
                settle()
                uvicorn.Server(config).run(sockets=[listening])
            else:
                with TemporaryDirectory(prefix="oca-metrics-") as metrics:
                    environment_for_workers(settings, metrics=Path(metrics))
                    _Workers(config, sockets=[listening]).run()
    except (KeyboardInterrupt, SystemExit) as stop:
        # After an orderly stop uvicorn raises the signal again; for us it has done its work. Not so a failed start.
        if isinstance(stop, SystemExit) and stop.code != 128 + signal.SIGTERM:
            raise
    finally:
        listening.close()


def _screen(settings: Settings, container: Container, port: int) -> Text:
    try:
        logged_in = container.store().load().refresh_token is not None
    except TokenStoreError:
        # A store that cannot be asked now may hold one; who calls is told what is wrong.
        logged_in = True
    return screen(settings, port, logged_in=logged_in)


class _Workers(Multiprocess):
    """Worker processes, whose supervisor stops to accept connections when they do."""

    def terminate_all(self) -> None:
        for each in self.sockets:
            # Closing alone would not do: the workers have copies of it.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        super().terminate_all()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket of our own, so that a taken port is one clear line and not a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise no_address_of_ours(host) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Callers may knock from now on; they wait until the server is up.
        listening.listen(1024)
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        raise not_listening(host, port, error) from error
    return listening

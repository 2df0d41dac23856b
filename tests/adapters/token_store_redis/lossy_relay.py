"""A network that breaks at the worst moment: the request has arrived, and its answer gets lost."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class LossyRelay:
    """Passes bytes on between a port of its own and another one on loopback."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._losing = threading.Event()
        self._sockets: list[socket.socket] = []
        self.lost = 0
        self.port: int = self._listener.getsockname()[1]

    def lose_next_answer(self) -> None:
        """It is swallowed, and its connection breaks."""
        self._losing.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._sockets):
            _break(each)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if answers and self._losing.is_set():
                    self._losing.clear()
                    self.lost += 1
                    break
                target.sendall(data)
        _break(source)
        _break(target)


def _break(connection: socket.socket) -> None:
    # Wakes the threads that wait for it; a close alone does not.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

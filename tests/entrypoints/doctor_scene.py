"""Worlds with a fault planted in them, and a check-up of each."""

import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adapters.checkup.sockets import Resolve, resolve
from adapters.sandbox.server import Sandbox
from adapters.token_store.files import Files
from domain.checkup import Check, CheckState
from entrypoints.checkup import Checkup
from entrypoints.checkup_settings import read_settings
from entrypoints.checkup_veil import Veil

# How often what waits looks whether it is to stop.
TICK_S = 0.05
_CHINESE = re.compile("[\u4e00-\u9fff]")


def examine(
    path: Path, *, offline: bool = False, files: Files | None = None, resolve: Resolve = resolve
) -> list[Check]:
    """Every check of a check-up of this `.env`, made without the tester's environment."""
    reading = read_settings(path, {})
    return [*Checkup(reading, Veil(reading.values), offline=offline, files=files, resolve=resolve).run()]


def in_state(checks: Sequence[Check], state: CheckState) -> list[Check]:
    return [check for check in checks if check.state is state]


def the_failure(checks: Sequence[Check]) -> Check:
    """The one failed line, which says in both languages what is wrong and what mends it."""
    failed = in_state(checks, CheckState.FAILED)
    assert len(failed) == 1, [(check.id, check.finding.en) for check in failed]
    found = failed[0]
    _is_told(found)
    for check in checks:
        if check.because:
            assert check.because == found.id
    return found


def the_warning(checks: Sequence[Check]) -> Check:
    assert in_state(checks, CheckState.FAILED) == []
    warned = in_state(checks, CheckState.WARNED)
    assert len(warned) == 1, [(check.id, check.finding.en) for check in warned]
    _is_told(warned[0], mended=warned[0].mend is not None)
    return warned[0]


def state_of(checks: Sequence[Check], check_id: str) -> CheckState:
    return next(check.state for check in checks if check.id == check_id)


def _is_told(check: Check, *, mended: bool = True) -> None:
    for text in (check.finding, check.mend) if mended else (check.finding,):
        assert text is not None
        assert text.en.strip()
        assert _CHINESE.search(text.zh), text.zh
    assert check.fault


def write(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def change(path: Path, **values: str | None) -> Path:
    """The file with these keys set otherwise; None: without them."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition("=")[0] not in values]
    lines += [f"{key}='{value}'" for key, value in values.items() if value is not None]
    return write(path.parent, "\n".join(lines) + "\n")


def by_tls(path: Path, sandbox: Sandbox, front: "Front", ca_file: Path | None) -> Path:
    """The sandbox behind a front that speaks TLS."""
    return change(
        path,
        OAUTH_TOKEN_URL=sandbox.token_endpoint.replace(sandbox.url, front.url),
        LLM_API_URL=sandbox.chat_url.replace(sandbox.url, front.url),
        LLM_MODELS_API_URL=sandbox.models_url.replace(sandbox.url, front.url),
        EXTRA_CA_CERTS=None if ca_file is None else str(ca_file),
    )


def resolving_nothing_but(*known: str) -> Resolve:
    """A look-up that knows these names and addresses only."""

    def look_up(host: str, port: int) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, port)

    return look_up


class Front:
    """A reverse proxy before a server, as a context manager: with TLS; that holds streams back; that cuts them.

    `hold` keeps a streamed answer until it is whole; `cut_after_bytes` ends the connection that far into one.
    """

    def __init__(
        self,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        hold: bool = False,
        cut_after_bytes: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._port = port
        self._tls = tls
        self._hold = hold
        self._cut_after = cut_after_bytes
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"{'http' if tls is None else 'https'}://{host}:{self._listener.getsockname()[1]}"
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        while self._threads:
            self._threads.pop().join(20)
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(TICK_S)
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(5)
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._port), timeout=5) as behind:
            behind.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                self._carry(client, behind)
            else:
                with self._tls.wrap_socket(client, server_side=True) as wrapped:
                    self._carry(wrapped, behind)

    def _carry(self, client: socket.socket, behind: socket.socket) -> None:
        """Bytes both ways, in one thread: an SSL socket is not for two."""
        held = b""
        while not self._stopped.is_set():
            ready, _, _ = select.select([client, behind], [], [], TICK_S)
            if client in ready:
                while True:
                    data = client.recv(65_536)
                    if not data:
                        return
                    behind.sendall(data)
                    if not (isinstance(client, ssl.SSLSocket) and client.pending()):
                        break
            if behind in ready:
                data = behind.recv(65_536)
                held += data
                streamed = b"text/event-stream" in held[:2000]
                if streamed and self._cut_after is not None and len(held) > self._cut_after:
                    client.sendall(held[: self._cut_after])
                    return
                keeps = streamed and (self._hold or self._cut_after is not None)
                if not (keeps and data and not held.endswith(b"0\r\n\r\n")):
                    client.sendall(held)
                    held = b""
                if not data:
                    return

"""Names, connections and proxies, looked at on bare sockets: no request with a secret but for a proxy's own."""

import errno
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import Any

from domain.checkup_ways import Probe, Target
from domain.errors import Cause
from domain.words import Text

Resolve = Callable[[str, int], list[Any]]

_MOST_HEAD_BYTES = 64 * 1024
_PROXY_AUTHENTICATION = 407
# What a proxy says when it is well itself and cannot get to the host.
_BEYOND = frozenset({500, 502, 503, 504})
_NOT_THERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


def resolve(host: str, port: int) -> list[Any]:
    """The system's own look-up."""
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class ProbeError(Exception):
    """A probe that did not go well; `probe` says how."""

    def __init__(self, cause: Cause, words: Text, *, beyond: bool = False) -> None:
        super().__init__(words.en)
        self.probe = Probe(cause=cause, words=words, beyond=beyond)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAddress:
    """HTTP_PROXY_URL taken apart; `authorization` is the value of Proxy-Authorization."""

    host: str
    port: int
    secure: bool = False
    authorization: str | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to get at hosts: `limit_s` for each step, `tls` for a proxy that speaks it."""

    limit_s: float
    tls: ssl.SSLContext | None = None
    resolve: Resolve = resolve

    def look_up(self, host: str, port: int) -> Probe:
        """What addresses a name has."""
        begun = monotonic()
        try:
            addresses = self._addresses(host, port)
        except ProbeError as error:
            return error.probe
        shown = ", ".join(addresses[:3])
        try:
            ip_address(host)
        except ValueError:
            words = Text(f"{shown} ({_ms(begun)})", f"{shown}（{_ms(begun)}）")
        else:
            words = Text("an address, no name: nothing to look up", "本身即为 IP 地址，无需解析")
        return Probe(words=words, details={"addresses": shown, "took_s": round(monotonic() - begun, 3)})

    def dial(self, host: str, port: int) -> Probe:
        """Whether the port takes connections."""
        begun = monotonic()
        try:
            with self._dialled(host, port):
                took = monotonic() - begun
        except ProbeError as error:
            return error.probe
        words = Text(f"connected ({_ms(begun)})", f"已连接（{_ms(begun)}）")
        return Probe(words=words, details={"took_s": round(took, 3)})

    def dial_proxy(self, proxy: ProxyAddress) -> Probe:
        """Whether the proxy is there; what it thinks of our credentials shows with `by_proxy`."""
        begun = monotonic()
        try:
            with self._at_proxy(proxy):
                pass
        except ProbeError as error:
            return error.probe
        words = Text(f"connected ({_ms(begun)})", f"已连接（{_ms(begun)}）")
        return Probe(words=words, details={"took_s": round(monotonic() - begun, 3)})

    def by_proxy(self, target: Target, proxy: ProxyAddress) -> Probe:
        """Whether the proxy lets us through to the host: a tunnel for https, a request in absolute form for http."""
        begun = monotonic()
        try:
            with self.connected(target, proxy):
                pass
        except ProbeError as error:
            return error.probe
        words = Text(f"let through ({_ms(begun)})", f"代理放行（{_ms(begun)}）")
        return Probe(words=words, details={"took_s": round(monotonic() - begun, 3)})

    @contextmanager
    def connected(self, target: Target, proxy: ProxyAddress | None) -> Generator[socket.socket, None, None]:
        """A connection to the host, through the proxy if there is one. Raises ProbeError.

        To a plain http host a proxy makes no tunnel, so what is yielded there has had its one request.
        """
        if proxy is None:
            with self._dialled(target.host, target.port) as sock:
                yield sock
            return
        with self._at_proxy(proxy) as sock:
            self._ask(sock, target, proxy)
            yield sock

    def _ask(self, sock: socket.socket, target: Target, proxy: ProxyAddress) -> None:
        asked = f"CONNECT {target.authority}" if target.secure else f"HEAD http://{target.authority}/"
        status, reason, _ = ask(sock, f"{asked} HTTP/1.1", target.authority, authorization=proxy.authorization)
        if status == _PROXY_AUTHENTICATION:
            if proxy.authorization is None:
                words = Text("the proxy demands a login (407)", "代理服务器要求登录（407）")
            else:
                words = Text("the proxy refuses user or password (407)", "代理服务器拒绝了用户名或密码（407）")
            raise ProbeError(Cause.PROXY_AUTHENTICATION, words)
        if target.secure and not 200 <= status < 300:  # noqa: PLR2004
            told = f"{status} {reason}".strip()
            raise ProbeError(
                Cause.PROXY_REFUSED,
                Text(f"the proxy does not connect: {told}", f"代理服务器未能建立连接：{told}"),
                beyond=status in _BEYOND,
            )

    @contextmanager
    def _at_proxy(self, proxy: ProxyAddress) -> Generator[socket.socket, None, None]:
        try:
            with self._dialled(proxy.host, proxy.port) as sock:
                if not proxy.secure or self.tls is None:
                    yield sock
                    return
                try:
                    wrapped = self.tls.wrap_socket(sock, server_hostname=proxy.host)
                except ssl.SSLCertVerificationError as error:
                    words = Text(
                        f"the proxy's certificate is not trusted: {error.verify_message}",
                        f"代理服务器的证书不受信任：{error.verify_message}",
                    )
                    raise ProbeError(Cause.UNKNOWN_CA, words) from error
                except OSError as error:
                    raise ProbeError(Cause.TLS, _os_words(error)) from error
                with wrapped:
                    yield wrapped
        except ProbeError as error:
            if error.probe.cause in {Cause.REFUSED, Cause.TIMED_OUT, Cause.UNREACHABLE, Cause.DNS, Cause.OTHER}:
                raise ProbeError(Cause.PROXY_UNREACHABLE, error.probe.words) from error
            raise

    @contextmanager
    def _dialled(self, host: str, port: int) -> Generator[socket.socket, None, None]:
        by = monotonic() + self.limit_s
        addresses = self._addresses(host, port)
        failure = ProbeError(Cause.UNREACHABLE, Text("the name has no address", "该域名没有地址"))
        for index, address in enumerate(addresses):
            # A fair share each: an address that swallows packets leaves time for the next one.
            share = max(by - monotonic(), 0.05) / (len(addresses) - index)
            try:
                sock = socket.create_connection((address, port), timeout=share)
            except OSError as error:
                failure = self._of(error)
                continue
            with sock:
                sock.settimeout(self.limit_s)
                yield sock
            return
        raise failure

    def _of(self, error: OSError) -> ProbeError:
        if isinstance(error, TimeoutError):
            return ProbeError(Cause.TIMED_OUT, timed_out(self.limit_s))
        if isinstance(error, ConnectionRefusedError):
            return ProbeError(
                Cause.REFUSED, Text("connection refused: nothing listens there", "连接被拒绝：没有程序在监听")
            )
        cause = Cause.UNREACHABLE if error.errno in _NOT_THERE else Cause.OTHER
        return ProbeError(cause, _os_words(error))

    def _addresses(self, host: str, port: int) -> list[str]:
        """getaddrinfo, which cannot be told how long to take, in a thread that is left behind after the limit."""
        answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(self.resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=look_up, name="name-lookup", daemon=True).start()
        try:
            answer = answers.get(timeout=self.limit_s)
        except queue.Empty:
            raise ProbeError(
                Cause.DNS,
                Text(
                    f"the name servers did not answer within {self.limit_s:g} s",
                    f"域名服务器在 {self.limit_s:g} 秒内没有应答",
                ),
            ) from None
        if isinstance(answer, Exception):
            said = answer.strerror or "" if isinstance(answer, OSError) else "not a valid name"
            raise ProbeError(
                Cause.DNS, Text(f"the name cannot be resolved: {said}", f"无法解析该域名：{said}")
            ) from answer
        return list(dict.fromkeys(str(entry[4][0]) for entry in answer))


def ask(
    sock: socket.socket, first_line: str, authority: str, *, authorization: str | None = None
) -> tuple[int, str, dict[str, str]]:
    """Send a request without a body and read the head of its answer: status, reason, fields in lower case.

    Raises ProbeError.
    """
    lines = [first_line, f"Host: {authority}", "User-Agent: oca-gateway"]
    if authorization is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    if not first_line.startswith("CONNECT"):
        lines.append("Connection: close")
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        head = _head(sock)
    except TimeoutError as error:
        raise ProbeError(
            Cause.SILENT, Text("connected, and then nothing came", "已连接，但没有收到任何应答")
        ) from error
    except OSError as error:
        raise ProbeError(Cause.OTHER, _os_words(error)) from error
    first, *fields = head.split("\r\n")
    version, _, rest = first.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or not status.isdigit():
        raise ProbeError(Cause.OTHER, Text("it does not speak HTTP", "对方使用的不是 HTTP 协议"))
    named = (line.partition(":") for line in fields)
    return int(status[:3]), reason[:100], {name.strip().lower(): value.strip() for name, _, value in named}


def timed_out(limit_s: float) -> Text:
    return Text(
        f"no connection within {limit_s:g} s (CONNECTION_TIMEOUT)",
        f"{limit_s:g} 秒（CONNECTION_TIMEOUT）内未能建立连接",
    )


def _head(sock: socket.socket) -> str:
    """Up to the empty line and not a byte further: what follows in a tunnel is the host's."""
    data = bytearray()
    while not data.endswith(b"\r\n\r\n") and len(data) < _MOST_HEAD_BYTES:
        byte = sock.recv(1)
        if not byte:
            raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
        data += byte
    return bytes(data[:-4]).decode("latin-1")


def _os_words(error: OSError) -> Text:
    said = (error.strerror or type(error).__name__).lower()
    return Text(f"the connection failed: {said}", f"连接失败：{said}")


def _ms(begun: float) -> str:
    return f"{(monotonic() - begun) * 1000:.0f} ms"
